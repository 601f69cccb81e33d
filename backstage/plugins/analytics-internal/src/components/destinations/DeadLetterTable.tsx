import { Checkbox } from '@backstage/ui';
import type { DeadLetter } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { DeadLetterRow } from './DeadLetterRow';
import styles from './DeadLetterTable.module.css';

export interface DeadLetterTableProps {
  /** The id of the heading that names the table. */
  labelledBy: string;
  letters: DeadLetter[];
  /** The positions of the selected ones. */
  selected: ReadonlySet<number>;
  onSelect: (selected: ReadonlySet<number>) => void;
}

/** Dead letters by position: what they are, why they died, and what the receiver said. */
export function DeadLetterTable({ labelledBy, letters, selected, onSelect }: DeadLetterTableProps) {
  const { t } = usePages();

  function select(position: number, isSelected: boolean) {
    const others = [...selected].filter((other) => other !== position);
    onSelect(new Set(isSelected ? [...others, position] : others));
  }

  return (
    <div className={styles.box}>
      <table className={styles.table} aria-labelledby={labelledBy}>
        <thead>
          <tr>
            <th scope="col" className={styles.check}>
              <Checkbox
                aria-label={t('dead.selectAll')}
                isSelected={selected.size === letters.length}
                isIndeterminate={selected.size > 0 && selected.size < letters.length}
                onChange={(isSelected) =>
                  onSelect(new Set(isSelected ? letters.map(({ position }) => position) : []))
                }
              />
            </th>
            <th scope="col">{t('dead.event')}</th>
            <th scope="col">{t('dead.reason')}</th>
            <th scope="col" className={styles.spare}>
              {t('dead.when')}
            </th>
          </tr>
        </thead>
        <tbody>
          {letters.map((letter) => (
            <DeadLetterRow
              key={letter.position}
              letter={letter}
              isSelected={selected.has(letter.position)}
              onSelect={(isSelected) => select(letter.position, isSelected)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}
