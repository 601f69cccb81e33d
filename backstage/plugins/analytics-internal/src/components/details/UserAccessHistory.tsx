import { useMemo } from 'react';
import type { Item, Row } from '../../api/query';
import { accessHistory, historyMetrics, type HistoryMetric } from '../../view/questions';
import type { Sort } from '../../view/sort';
import { usePages } from '../context/PagesContext';
import { useView } from '../context/useView';
import { Nothing } from '../panel/Nothing';
import { Panel } from '../panel/Panel';
import { Figure } from '../shared/Figure';
import { Moment } from '../shared/Moment';
import { Person } from '../shared/Person';
import { Pager } from '../table/Pager';
import { SortableTable, type SortableColumn } from '../table/SortableTable';
import { useSortedPages } from '../table/useSortedPages';

const HEIGHT = 1000;
const mostOften: Sort<HistoryMetric> = { by: 'events', direction: 'desc' };
type HistoryRow = Row<'person' | HistoryMetric>;

/** Who accessed one item, how often, first and last. */
export function UserAccessHistory({ item }: { item: Item['id'] }) {
  const { t } = usePages();
  const { view } = useView();
  const { asked, sort, onSort, isLater, onTurn } = useSortedPages(historyMetrics, mostOften, (page) =>
    accessHistory(view, item, page),
  );
  const columns = useMemo(
    (): SortableColumn<HistoryRow, HistoryMetric>[] => [
      {
        id: 'name',
        label: t('history.person'),
        isRowHeader: true,
        isWide: true,
        isEssential: true,
        cell: (row) => <Person person={row.person} />,
      },
      {
        id: 'events',
        label: t('history.events'),
        isSortable: true,
        isNumber: true,
        isEssential: true,
        cell: (row) => <Figure value={row.events.value} />,
      },
      {
        id: 'first_access',
        label: t('history.first'),
        isSortable: true,
        isDate: true,
        cell: (row) => <Moment value={row.first_access.value} withTime />,
      },
      {
        id: 'last_access',
        label: t('history.last'),
        isSortable: true,
        isDate: true,
        cell: (row) => <Moment value={row.last_access.value} withTime />,
      },
    ],
    [t],
  );
  const title = t('history.title');
  return (
    <Panel title={title} asked={asked} height={HEIGHT} keptHeight={isLater ? HEIGHT : 0}>
      {({ results, meta }, titleId) =>
        results.length === 0 ? (
          <Nothing period={meta.period} isBrief />
        ) : (
          <>
            <SortableTable
              labelledBy={titleId}
              columns={columns}
              rows={results}
              rowId={(row) => row.person ?? 'unknown'}
              sort={sort}
              onSort={onSort}
            />
            <Pager
              table={title}
              offset={meta.offset}
              shown={results.length}
              total={meta.total_rows}
              previousCursor={meta.previous_cursor}
              nextCursor={meta.next_cursor}
              onTurn={onTurn}
            />
          </>
        )
      }
    </Panel>
  );
}
