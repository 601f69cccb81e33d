import type { Column, Query, Row } from '../../api/query';
import { TitlesProvider } from '../context/titles';
import { useAnswer } from '../context/useAnswer';
import { NotAllowed } from '../panel/NotAllowed';
import { PanelError } from '../panel/PanelError';
import { RankTable, type RankTableProps } from '../table/RankTable';
import styles from './UsageList.module.css';

export interface UsageListProps<C extends Column> extends Omit<RankTableProps<Row<C>>, 'rows'> {
  query: Query<C>;
  /** Said when there is nothing to rank. */
  none: string;
}

/** One ranking of the card, or why there is none. */
export function UsageList<C extends Column>({ query, none, ...ranking }: UsageListProps<C>) {
  const asked = useAnswer(query);
  if (asked.lacks) return <NotAllowed permission={asked.lacks} />;
  if (asked.error) return <PanelError what={ranking.caption} asked={asked} />;
  if (!asked.answer) return <div className={styles.waiting} />;
  const { results } = asked.answer;
  return results.length === 0 ? (
    <p className={styles.none}>{none}</p>
  ) : (
    <TitlesProvider answer={asked.answer}>
      <RankTable rows={results} {...ranking} />
    </TitlesProvider>
  );
}
