import type { ReactNode } from 'react';
import type { NameDimension, Query } from '../../api/query';
import { usePages } from '../context/PagesContext';
import { useAnswer } from '../context/useAnswer';
import { NotAllowed } from '../panel/NotAllowed';
import { PanelError } from '../panel/PanelError';
import { Figure } from '../shared/Figure';
import { RankTable } from '../table/RankTable';
import styles from './UsageList.module.css';

export interface UsageListProps<D extends NameDimension> {
  query: Query<D | 'events'>;
  /** What is ranked. */
  dimension: D;
  caption: string;
  columns: [name: string, figure: string];
  /** Said where there is nothing to rank. */
  none: string;
  /** One value, as a person reads it. */
  name: (value: string | null) => ReactNode;
}

/** One of the card's rankings, or why there is none. */
export function UsageList<D extends NameDimension>(props: UsageListProps<D>) {
  const { query, dimension, caption, columns, none, name } = props;
  const { t } = usePages();
  const { answer, error, lacks, again } = useAnswer<D | 'events'>(query);
  if (lacks) return <NotAllowed permission={lacks} />;
  if (error) {
    return <PanelError title={t('error.title', { what: caption })} error={error} again={again} />;
  }
  if (!answer) return <div className={styles.waiting} />;
  const rows = answer.results.map((row) => {
    const counted = row as Record<D, string | null> & { events: { value: number } };
    return { value: counted[dimension], events: counted.events.value };
  });
  if (rows.length === 0) return <p className={styles.none}>{none}</p>;
  return (
    <RankTable
      caption={caption}
      columns={columns}
      rows={rows.map(({ value, events }) => ({
        key: value ?? '',
        name: name(value),
        share: events / (rows[0]?.events ?? 1),
        figures: [<Figure key="events" value={events} />],
      }))}
    />
  );
}
