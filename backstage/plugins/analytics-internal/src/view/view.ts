import type { DayRange, FilterDimension, FilterOperator } from '../api/query';

/** The period a page view looks at. */
export type ViewPeriod =
  { kind: 'last'; last: LastPeriod } | { kind: 'all' } | ({ kind: 'custom' } & DayRange);

export const lastPeriods = ['7d', '28d', '30d', '90d', '12m'] as const;
export type LastPeriod = (typeof lastPeriods)[number];

/** The periods of the menu. It has no 30 days beside 28; only the usage card links to those. */
export const offeredPeriods = ['7d', '28d', '90d', '12m'] as const satisfies readonly LastPeriod[];

/** One condition; several values mean any of them. `null` is "none": no entity, an unknown person. */
export interface ViewFilter {
  operator: FilterOperator;
  dimension: ViewDimension;
  values: (string | null)[];
}

export const filterDimensions = [
  'plugin',
  'action',
  'person',
  'entity',
  'path',
  'subject',
] as const satisfies readonly FilterDimension[];
export type ViewDimension = (typeof filterDimensions)[number];
export const filterOperators = ['is', 'is_not', 'contains'] as const satisfies readonly FilterOperator[];

/** What all figures of one page view have in common. */
export interface View {
  period: ViewPeriod;
  isCompared: boolean;
  filters: ViewFilter[];
}

export const defaultView: View = { period: { kind: 'last', last: '28d' }, isCompared: true, filters: [] };

function isSame(a: ViewFilter, b: Pick<ViewFilter, 'operator' | 'dimension'>): boolean {
  return a.operator === b.operator && a.dimension === b.dimension;
}

/** The filters with one more; it takes the place of one about the same with the same operator. */
export function withFilter(filters: ViewFilter[], filter: ViewFilter): ViewFilter[] {
  return [...withoutFilter(filters, filter), filter];
}

/** The view of one value alone, its other filters kept. */
export function narrowed(view: View, dimension: ViewDimension, value: string | null): View {
  return { ...view, filters: withFilter(view.filters, { dimension, operator: 'is', values: [value] }) };
}

/** The filters without the one about this with this operator. */
export function withoutFilter(
  filters: ViewFilter[],
  filter: Pick<ViewFilter, 'operator' | 'dimension'>,
): ViewFilter[] {
  return filters.filter((other) => !isSame(other, filter));
}
