import type {
  Column,
  CountMetric,
  Filter,
  Item,
  Metric,
  NameDimension,
  Query,
  TimeDimension,
} from '../api/query';
import { dateRangeOf } from './period';
import type { Place } from './place';
import type { Sort } from './sort';
import type { View } from './view';

/**
 * The questions the pages ask, one for each panel. All of one page view have its period and its filters.
 *
 * They name no position: that of the page view is added when they are asked. Only a question about a place in an
 * answer has the one which that place belongs to.
 */

/** What narrows a question beside the page's filters. */
export interface Scope {
  item?: Item['id'];
  action?: string;
  search?: string;
  /** Only what was done to pages of documentation. */
  isDocs?: boolean;
}

function filtersOf(view: View, { item, action, search, isDocs }: Scope): Filter | null {
  const filters: Filter[] = view.filters.map(({ operator, dimension, values }) => [
    operator,
    dimension,
    values,
  ]);
  if (item !== undefined) filters.push(['is', 'item', [item]]);
  if (action !== undefined) filters.push(['is', 'action', [action]]);
  if (isDocs) filters.push(['is_not', 'doc_page', [null]]);
  if (search) filters.push(['contains', 'subject', [search]]);
  if (filters.length <= 1) return filters[0] ?? null;
  return ['and', ...filters];
}

function filterNamesPeople(filter: Filter): boolean {
  const [operator, ...rest] = filter;
  if (operator === 'and' || operator === 'or' || operator === 'not') {
    return (rest as Filter[]).some(filterNamesPeople);
  }
  return rest[0] === 'person';
}

/** Whether a question names people: asks for them, or about some of them. Counts of people do not. */
export function namesPeople({ dimensions, filters }: Pick<Query, 'dimensions' | 'filters'>): boolean {
  return dimensions.includes('person') || (filters ? filterNamesPeople(filters) : false);
}

function isCompared({ period, isCompared: isAsked }: View): boolean {
  return isAsked && period.kind !== 'all';
}

function ask<C extends Column>(
  view: View,
  scope: Scope,
  columns: Pick<Query<C>, 'metrics' | 'dimensions' | 'order_by' | 'limit' | 'cursor' | 'position'>,
): Query<C> {
  return { ...columns, filters: filtersOf(view, scope), date_range: dateRangeOf(view.period) };
}

function compared<C extends Column>(view: View, query: Query<C>): Query<C> {
  return isCompared(view) ? { ...query, compare: 'previous_period' } : query;
}

export type TotalColumns = CountMetric | 'last_access';

/** The tiles. */
export function totals(view: View, scope: Scope = {}): Query<TotalColumns> {
  return compared(
    view,
    ask<TotalColumns>(view, scope, { metrics: ['events', 'people', 'items', 'last_access'], dimensions: [] }),
  );
}

/** One tile over time. */
export function curve(
  view: View,
  metric: CountMetric,
  dimension: TimeDimension,
  scope: Scope = {},
): Query<CountMetric | TimeDimension> {
  return compared(
    view,
    ask<CountMetric | TimeDimension>(view, scope, {
      metrics: [metric],
      dimensions: [dimension],
      limit: 1000,
    }),
  );
}

/** The most frequent values of a dimension. */
export function most<D extends NameDimension>(
  view: View,
  dimension: D,
  limit: number,
  scope: Scope = {},
): Query<D | 'events'> {
  return ask<D | 'events'>(view, scope, {
    metrics: ['events'] as Query<D | 'events'>['metrics'],
    dimensions: [dimension] as Query<D | 'events'>['dimensions'],
    limit,
  });
}

const RANKED = 10;

/** Who did most. */
export function busiestPeople(view: View): Query<'person' | 'events'> {
  return most(view, 'person', RANKED);
}

/** The pages people went to most. */
export function mostVisitedScreens(view: View): Query<'item' | 'events' | 'people'> {
  return ask<'item' | 'events' | 'people'>(
    view,
    { action: 'navigate' },
    { metrics: ['events', 'people'], dimensions: ['item'], limit: RANKED },
  );
}

export const logMetrics = ['events', 'people', 'first_access', 'last_access'] as const;
export type LogMetric = (typeof logMetrics)[number];

export interface Page<M extends Metric> {
  sort: Sort<M>;
  /** null: the first page. */
  place: Place | null;
}

export const PAGE_SIZE = 25;

/** The activity log: every item with its counts. */
export function activityLog(
  view: View,
  { search, sort, place }: Page<LogMetric> & { search: string },
): Query<'item' | LogMetric> {
  return ask<'item' | LogMetric>(
    view,
    { search },
    {
      metrics: [...logMetrics],
      dimensions: ['item'],
      order_by: [[sort.by, sort.direction]],
      limit: PAGE_SIZE,
      ...place,
    },
  );
}

/** What an item is and when it was first and last accessed, whatever the period. */
export function itemEver(view: View, item: number): Query<'item' | 'first_access' | 'last_access'> {
  return {
    metrics: ['first_access', 'last_access'],
    dimensions: ['item'],
    filters: filtersOf({ ...view, filters: [] }, { item }),
    date_range: 'all',
    limit: 1,
  };
}

export const historyMetrics = ['events', 'first_access', 'last_access'] as const;
export type HistoryMetric = (typeof historyMetrics)[number];

/** Who accessed an item. */
export function accessHistory(
  view: View,
  item: number,
  { sort, place }: Page<HistoryMetric>,
): Query<'person' | HistoryMetric> {
  return ask<'person' | HistoryMetric>(
    view,
    { item },
    {
      metrics: [...historyMetrics],
      dimensions: ['person'],
      order_by: [[sort.by, sort.direction]],
      limit: PAGE_SIZE,
      ...place,
    },
  );
}

const SUGGESTED = 50;

/** The values a filter about `dimension` could have, most used first. Paths are not counted by themselves. */
export function suggestions<D extends NameDimension>(
  view: View,
  dimension: D,
  text: string,
): Query<D | 'events'> {
  const contains: Filter | null = text ? ['contains', dimension, [text]] : null;
  return {
    metrics: ['events'] as Query<D | 'events'>['metrics'],
    dimensions: [dimension] as Query<D | 'events'>['dimensions'],
    filters: contains,
    date_range: dateRangeOf(view.period),
    limit: SUGGESTED,
  };
}
