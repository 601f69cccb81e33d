import { useMemo } from 'react';
import type { Item, Query, Row } from '../../api/query';
import { tablePage, type Page } from '../../view/questions';
import type { View } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useView } from '../context/useView';
import { Person } from '../shared/Person';
import { countColumn, momentColumn, nameColumn } from '../table/columns';
import { PagedTable } from '../table/PagedTable';
import type { SortableColumn } from '../table/SortableTable';

export const historyMetrics = ['events', 'first_access', 'last_access'] as const;
type HistoryMetric = (typeof historyMetrics)[number];

/** Who accessed an item. */
export function accessHistory(
  view: View,
  item: Item['id'],
  page: Page<HistoryMetric>,
): Query<'person' | HistoryMetric> {
  return tablePage(view, 'person', historyMetrics, page, { item });
}

/** Who accessed one item, how often, first and last. */
export function UserAccessHistory({ item }: { item: Item['id'] }) {
  const { t } = usePages();
  const { view } = useView();
  const columns = useMemo(
    (): SortableColumn<Row<'person' | HistoryMetric>, HistoryMetric>[] => [
      nameColumn(t('history.person'), ({ person }) => <Person person={person} />),
      { ...countColumn('events', t('history.events')), isEssential: true },
      momentColumn('first_access', t('history.first'), true),
      momentColumn('last_access', t('history.last'), true),
    ],
    [t],
  );
  return (
    <PagedTable
      title={t('history.title')}
      metrics={historyMetrics}
      question={(page) => accessHistory(view, item, page)}
      columns={columns}
      rowId={(row) => row.person ?? 'unknown'}
    />
  );
}
