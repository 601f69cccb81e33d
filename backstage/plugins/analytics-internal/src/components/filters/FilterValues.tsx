import { Checkbox } from '@backstage/ui';
import { suggestions } from '../../view/questions';
import type { ViewDimension } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useAnswer } from '../context/useAnswer';
import { useView } from '../context/useView';
import { PanelError } from '../panel/PanelError';
import { Figure } from '../shared/Figure';
import { MiddleCut } from '../shared/MiddleCut';
import { useValueName } from '../shared/useFilterName';
import styles from './FilterValues.module.css';

export interface FilterValuesProps {
  dimension: Exclude<ViewDimension, 'path'>;
  /** Only values that contain it. */
  search: string;
  chosen: (string | null)[];
  onChange: (chosen: (string | null)[]) => void;
}

/** The values of a dimension, most used first, to be chosen from. */
export function FilterValues({ dimension, search, chosen, onChange }: FilterValuesProps) {
  const { t } = usePages();
  const { view } = useView();
  const valueName = useValueName();
  const { answer, error, isStale, again } = useAnswer(suggestions(view, dimension, search));
  const found = answer?.results ?? [];
  // What was chosen stays in sight when it is not among what was found.
  const others = chosen.filter((value) => !found.some((row) => row[dimension] === value));

  function toggle(value: string | null, isChosen: boolean) {
    onChange(isChosen ? [...chosen, value] : chosen.filter((other) => other !== value));
  }

  if (error) {
    const what = t('filter.values');
    return <PanelError title={t('error.title', { what })} error={error} again={again} />;
  }
  return (
    <div
      role="group"
      aria-label={t('filter.values')}
      className={styles.values}
      data-stale={isStale || undefined}
    >
      {others.map((value) => (
        <Checkbox key={value ?? ''} isSelected onChange={(isChosen) => toggle(value, isChosen)}>
          {valueName(dimension, value)}
        </Checkbox>
      ))}
      {found.map((row) => {
        const value: string | null = row[dimension];
        return (
          <div key={value ?? ''} className={styles.value}>
            <Checkbox
              className={styles.name}
              isSelected={chosen.includes(value)}
              onChange={(isChosen) => toggle(value, isChosen)}
            >
              <MiddleCut text={valueName(dimension, value)} />
            </Checkbox>
            <Figure value={row.events.value} />
          </div>
        );
      })}
      {answer && found.length === 0 && <p className={styles.none}>{t('filter.noValues')}</p>}
    </div>
  );
}
