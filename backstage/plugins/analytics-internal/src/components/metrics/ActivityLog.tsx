import { Button, Link } from '@backstage/ui';
import { useMemo } from 'react';
import type { Row } from '../../api/query';
import { viewParameters } from '../../view/address';
import { activityLog, logMetrics, type LogMetric } from '../../view/questions';
import type { Sort } from '../../view/sort';
import { withFilter } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useView } from '../context/useView';
import { Nothing } from '../panel/Nothing';
import { Panel } from '../panel/Panel';
import { Figure } from '../shared/Figure';
import { Moment } from '../shared/Moment';
import { Subject } from '../shared/Subject';
import { Pager } from '../table/Pager';
import { SortableTable, type SortableColumn } from '../table/SortableTable';
import { useSortedPages } from '../table/useSortedPages';
import styles from './ActivityLog.module.css';
import { LogSearch } from './LogSearch';

const HEIGHT = 1000;
const mostAccessed: Sort<LogMetric> = { by: 'events', direction: 'desc' };
type LogRow = Row<'item' | LogMetric>;

/** Every item with its counts: searched, sorted and paged by the server. */
export function ActivityLog() {
  const { t, paths, isTimeShown } = usePages();
  const { view, parameters, set, hrefOf } = useView();
  const search = parameters.get('search') ?? '';
  const { asked, sort, onSort, isLater, onTurn } = useSortedPages(logMetrics, mostAccessed, (page) =>
    activityLog(view, { ...page, search: search.trim() }),
  );

  const columns = useMemo((): SortableColumn<LogRow, LogMetric>[] => {
    const detailsOf = ({ item }: LogRow) => (
      <Link
        href={`${paths.item(item.id)}?${viewParameters(view).toString()}`}
        aria-label={t('log.detailsOf', { action: item.action, subject: item.subject })}
      >
        {t('log.details')}
      </Link>
    );
    const actionOf = ({ item }: LogRow) => {
      const filters = withFilter(view.filters, {
        dimension: 'action',
        operator: 'is',
        values: [item.action],
      });
      return (
        <Link standalone href={hrefOf({ ...view, filters })} title={t('filter.only', { value: item.action })}>
          {item.action}
        </Link>
      );
    };
    return [
      { id: 'action', label: t('log.performed'), cell: actionOf },
      {
        id: 'name',
        label: t('log.action'),
        isRowHeader: true,
        isWide: true,
        isEssential: true,
        cell: (row) => (
          <>
            <Subject item={row.item} />
            <span className={styles.small}>
              {row.item.action} · {detailsOf(row)}
            </span>
          </>
        ),
      },
      {
        id: 'events',
        label: t('log.events'),
        isSortable: true,
        isNumber: true,
        isEssential: true,
        cell: (row) => <Figure value={row.events.value} />,
      },
      {
        id: 'people',
        label: t('log.people'),
        isSortable: true,
        isNumber: true,
        cell: (row) => <Figure value={row.people.value} />,
      },
      {
        id: 'first_access',
        label: t('log.first'),
        isSortable: true,
        isDate: isTimeShown,
        cell: (row) => <Moment value={row.first_access.value} />,
      },
      {
        id: 'last_access',
        label: t('log.last'),
        isSortable: true,
        isDate: isTimeShown,
        cell: (row) => <Moment value={row.last_access.value} />,
      },
      { id: 'details', label: t('log.details'), isLabelHidden: true, isScreenOnly: true, cell: detailsOf },
    ];
  }, [t, paths, isTimeShown, view, hrefOf]);

  const title = t('log.title');
  return (
    <Panel
      title={title}
      asked={asked}
      height={HEIGHT}
      // While one looks through the rows the page must not shrink under one's hands.
      keptHeight={search || isLater ? HEIGHT : 0}
      actions={<LogSearch search={search} onSearch={(text) => set('search', text, { isStep: false })} />}
    >
      {({ results, meta }, titleId) => {
        if (results.length === 0 && search) {
          return (
            <div className={styles.nothing}>
              <p>{t('log.nothingFound', { search })}</p>
              <Button variant="secondary" onPress={() => set('search', null)}>
                {t('log.clearSearch')}
              </Button>
            </div>
          );
        }
        if (results.length === 0) return <Nothing period={meta.period} isBrief />;
        return (
          <>
            <SortableTable
              labelledBy={titleId}
              columns={columns}
              rows={results}
              rowId={(row) => String(row.item.id)}
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
        );
      }}
    </Panel>
  );
}
