import { Card } from '@backstage/ui';
import type { Destination } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { Definitions } from './Definitions';
import { DestinationRow } from './DestinationRow';
import styles from './DestinationTable.module.css';
import { figures } from './figures';
import { Term } from './Term';

export interface DestinationTableProps {
  destinations: Destination[];
  /** The destination whose dead letters are shown. */
  opened: string | null;
  /** Show the dead letters of a destination; null: of none. */
  onOpen: (name: string | null) => void;
}

/**
 * Every destination, one row each, and what it wants to say below. On a narrow screen a row is a card.
 *
 * Not a `table`: below each row is another of one wide cell, and a table in columns cannot become cards without losing
 * its roles.
 */
export function DestinationTable({ destinations, opened, onOpen }: DestinationTableProps) {
  const { t } = usePages();
  return (
    <Card className={styles.card}>
      <div className={styles.box}>
        <div role="table" aria-label={t('destinations.table')} className={styles.table}>
          <div role="rowgroup" className={styles.head}>
            <div role="row" className={styles.row}>
              <div role="columnheader">{t('destinations.name')}</div>
              <div role="columnheader">{t('destinations.state')}</div>
              {figures.map((name) => (
                <div key={name} role="columnheader" className={name === 'last' ? undefined : styles.number}>
                  <Term label={t(`destinations.${name}`)} about={t(`destinations.${name}.about`)} />
                </div>
              ))}
            </div>
          </div>
          {destinations.map((destination) => (
            <DestinationRow
              key={destination.name}
              destination={destination}
              isOpened={destination.name === opened}
              onOpen={(isOpened) => onOpen(isOpened ? destination.name : null)}
            />
          ))}
        </div>
      </div>
      <Definitions />
    </Card>
  );
}
