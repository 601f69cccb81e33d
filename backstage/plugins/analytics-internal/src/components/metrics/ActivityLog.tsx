import { Button, Link } from '@backstage/ui';
import { useMemo } from 'react';
import type { Query, Row } from '../../api/query';
import { addressOf } from '../../view/address';
import { tablePage, type Page } from '../../view/questions';
import { narrowed, type View } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useView } from '../context/useView';
import { Subject } from '../shared/Subject';
import { countColumn, momentColumn, nameColumn } from '../table/columns';
import { PagedTable } from '../table/PagedTable';
import type { SortableColumn } from '../table/SortableTable';
import styles from './ActivityLog.module.css';
import { LogSearch } from './LogSearch';

export const logMetrics = ['events', 'people', 'first_access', 'last_access'] as const;
type LogMetric = (typeof logMetrics)[number];
type LogRow = Row<'item' | LogMetric>;

/** Every item with its counts, or those whose subject contains `search`. */
export function activityLog(view: View, search: string, page: Page<LogMetric>): Query<'item' | LogMetric> {
  return tablePage(view, 'item', logMetrics, page, { search });
}

/** The activity log: every item with its counts, and a search. */
export function ActivityLog() {
  const { t, paths, isTimeShown } = usePages();
  const { view, parameters, set, hrefOf } = useView();
  const search = parameters.get('search') ?? '';

  const columns = useMemo((): SortableColumn<LogRow, LogMetric>[] => {
    const detailsOf = ({ item }: LogRow) => (
      <Link
        href={addressOf(paths.item(item.id), view)}
        aria-label={t('log.detailsOf', { action: item.action, subject: item.subject })}
      >
        {t('log.details')}
      </Link>
    );
    const actionOf = ({ item: { action } }: LogRow) => (
      <Link
        standalone
        href={hrefOf(narrowed(view, 'action', action))}
        title={t('filter.only', { value: action })}
      >
        {action}
      </Link>
    );
    const nameOf = (row: LogRow) => (
      <>
        <Subject item={row.item} />
        <span className={styles.small}>
          {row.item.action} · {detailsOf(row)}
        </span>
      </>
    );
    return [
      { id: 'action', label: t('log.performed'), cell: actionOf },
      nameColumn(t('log.action'), nameOf),
      { ...countColumn('events', t('log.events')), isEssential: true },
      countColumn('people', t('log.people')),
      momentColumn('first_access', t('log.first'), isTimeShown),
      momentColumn('last_access', t('log.last'), isTimeShown),
      { id: 'details', label: t('log.details'), isLabelHidden: true, isScreenOnly: true, cell: detailsOf },
    ];
  }, [t, paths, isTimeShown, view, hrefOf]);

  return (
    <PagedTable
      title={t('log.title')}
      metrics={logMetrics}
      question={(page) => activityLog(view, search.trim(), page)}
      columns={columns}
      rowId={(row) => String(row.item.id)}
      actions={<LogSearch search={search} onSearch={(text) => set('search', text, { isStep: false })} />}
      nothingFound={
        search && (
          <div className={styles.nothing}>
            <p>{t('log.nothingFound', { search })}</p>
            <Button variant="secondary" onPress={() => set('search', null)}>
              {t('log.clearSearch')}
            </Button>
          </div>
        )
      }
    />
  );
}
