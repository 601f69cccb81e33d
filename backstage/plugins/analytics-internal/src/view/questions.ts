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
 * What the pages' questions are made of. A question has the period and the filters of its view. One that several
 * panels ask is here, any other beside its panel.
 *
 * A question names no position: `useAnswer` adds that of the view. Only a later page of a table has a position of its
 * own, that of its first page.
 */

/** What narrows a question in addition to the filters of its view. */
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

/** Whether a question groups or filters by person. A count of people names nobody. */
export function namesPeople({ dimensions, filters }: Pick<Query, 'dimensions' | 'filters'>): boolean {
  return dimensions.includes('person') || (filters ? filterNamesPeople(filters) : false);
}

type Columns<C extends Column> = Pick<
  Query<C>,
  'metrics' | 'dimensions' | 'order_by' | 'limit' | 'cursor' | 'position'
>;

/** A question about a view, narrowed to a scope. */
export function ask<C extends Column>(view: View, scope: Scope, columns: Columns<C>): Query<C> {
  return { ...columns, filters: filtersOf(view, scope), date_range: dateRangeOf(view.period) };
}

function compared<C extends Column>(view: View, query: Query<C>): Query<C> {
  return view.isCompared && view.period.kind !== 'all' ? { ...query, compare: 'previous_period' } : query;
}

export type TotalColumns = CountMetric | 'last_access';

/** All counts, and when something was last done. */
export function totals(view: View, scope: Scope = {}): Query<TotalColumns> {
  return compared(
    view,
    ask<TotalColumns>(view, scope, { metrics: ['events', 'people', 'items', 'last_access'], dimensions: [] }),
  );
}

/** One count over time. */
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

/** The values of a dimension that were counted most; `metrics[0]` is what ranks them. */
export function most<D extends NameDimension | 'item', M extends CountMetric>(
  view: View,
  dimension: D,
  metrics: M[],
  limit: number,
  scope: Scope = {},
): Query<D | M> {
  return ask(view, scope, { metrics, dimensions: [dimension], limit } as Columns<D | M>);
}

export interface Page<M extends Metric> {
  sort: Sort<M>;
  /** null: the first page. */
  place: Place | null;
}

export const PAGE_SIZE = 25;

/** One page of a table with a row for each value of a dimension. */
export function tablePage<D extends NameDimension | 'item', M extends Metric>(
  view: View,
  dimension: D,
  metrics: readonly M[],
  { sort, place }: Page<M>,
  scope: Scope,
): Query<D | M> {
  const order_by = [[sort.by, sort.direction]];
  return ask(view, scope, {
    metrics: [...metrics],
    dimensions: [dimension],
    order_by,
    limit: PAGE_SIZE,
    ...place,
  } as Columns<D | M>);
}
