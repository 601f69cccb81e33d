import type { Column, Query, Row } from '../../api/query';
import { useAnswer } from '../context/useAnswer';
import { Nothing } from '../panel/Nothing';
import { Panel } from '../panel/Panel';
import { RankTable, type RankTableProps } from './RankTable';

export interface RankPanelProps<C extends Column> extends Omit<RankTableProps<Row<C>>, 'rows'> {
  title: string;
  query: Query<C>;
}

const HEIGHT = 384;

/** A panel with a ranking. */
export function RankPanel<C extends Column>({ title, query, ...ranking }: RankPanelProps<C>) {
  return (
    <Panel title={title} asked={useAnswer(query)} height={HEIGHT}>
      {({ results, meta }) =>
        results.length === 0 ? (
          <Nothing period={meta.period} isBrief />
        ) : (
          <RankTable rows={results} {...ranking} />
        )
      }
    </Panel>
  );
}
