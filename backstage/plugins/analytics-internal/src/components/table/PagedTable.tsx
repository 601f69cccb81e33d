import type { ReactNode } from 'react';
import type { Column, Metric, Query, Row } from '../../api/query';
import { readPlace, writePlace } from '../../view/place';
import type { Page } from '../../view/questions';
import { readSort, writeSort } from '../../view/sort';
import { useView } from '../context/useView';
import { Nothing } from '../panel/Nothing';
import { Panel } from '../panel/Panel';
import { Pager } from './Pager';
import { SortableTable, type SortableTableProps } from './SortableTable';
import { useCurrentCursor } from './useCurrentCursor';

export interface PagedTableProps<C extends Column, M extends Metric> extends Pick<
  SortableTableProps<Row<C>, M>,
  'columns' | 'rowId'
> {
  title: string;
  /** What the rows can be sorted by; by default the first one, descending. */
  metrics: readonly [M, ...M[]];
  /** The question whose answer is one page of the rows. */
  question: (page: Page<M>) => Query<C>;
  /** Beside the title. */
  actions?: ReactNode;
  /** Shown when a search finds no row; undefined: nothing is searched. */
  nothingFound?: ReactNode;
}

const HEIGHT = 1000;

/** A panel with a long table. The service sorts and pages it; the address says how, and which page. */
export function PagedTable<C extends Column, M extends Metric>({
  title,
  metrics,
  question,
  actions,
  nothingFound,
  ...table
}: PagedTableProps<C, M>) {
  const { parameters, set } = useView();
  const sort = readSort(parameters, metrics);
  const place = readPlace(parameters);
  const asked = useCurrentCursor(question({ sort, place }), () => set('cursor', null, { isStep: false }));
  // The page must not become shorter while somebody searches or turns pages.
  const keptHeight = nothingFound || place ? HEIGHT : 0;
  return (
    <Panel title={title} asked={asked} height={HEIGHT} keptHeight={keptHeight} actions={actions}>
      {({ results, meta }, titleId) =>
        results.length === 0 ? (
          nothingFound || <Nothing period={meta.period} isBrief />
        ) : (
          <>
            <SortableTable
              {...table}
              labelledBy={titleId}
              rows={results}
              sort={sort}
              onSort={(next) => set('sort', writeSort(next))}
            />
            <Pager
              table={title}
              shown={results.length}
              meta={meta}
              onTurn={(cursor) => set('cursor', cursor && writePlace({ cursor, position: meta.position }))}
            />
          </>
        )
      }
    </Panel>
  );
}
