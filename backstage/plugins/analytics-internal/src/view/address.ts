import type { DayRange } from '../api/query';
import {
  defaultView,
  filterDimensions,
  filterOperators,
  lastPeriods,
  type LastPeriod,
  type View,
  type ViewFilter,
  type ViewPeriod,
} from './view';

/**
 * The view in the address bar, as short as it can be and readable:
 * `?period=90d&compare=none&plugin=techdocs&person.is_not=user:default/ana&subject.contains=pay`.
 * What is left out is the default. A parameter that makes no sense counts as left out, so that an old or
 * hand-written link shows a page rather than an error.
 */

const DAY = /^\d{4}-\d{2}-\d{2}$/;

function isDay(text: string | null): text is string {
  return text !== null && DAY.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
}

function parameterOf({ dimension, operator }: Pick<ViewFilter, 'dimension' | 'operator'>): string {
  return operator === 'is' ? dimension : `${dimension}.${operator}`;
}

function readDays(parameters: URLSearchParams): DayRange | null {
  const from = parameters.get('from');
  const to = parameters.get('to');
  return isDay(from) && isDay(to) && from <= to ? { from, to } : null;
}

function readPeriod(parameters: URLSearchParams): ViewPeriod {
  const days = readDays(parameters);
  if (days) return { kind: 'custom', ...days };
  const period = parameters.get('period');
  if (period === 'all') return { kind: 'all' };
  const isLast = (lastPeriods as readonly (string | null)[]).includes(period);
  return isLast ? { kind: 'last', last: period as LastPeriod } : defaultView.period;
}

function readFilters(parameters: URLSearchParams): ViewFilter[] {
  return filterDimensions.flatMap((dimension) =>
    filterOperators.flatMap((operator): ViewFilter[] => {
      const values = parameters.getAll(parameterOf({ dimension, operator }));
      if (operator === 'contains') {
        const texts = values.filter((value) => value !== '');
        return texts.length > 0 ? [{ operator, dimension, values: texts }] : [];
      }
      // An empty value is "none": no entity, an unknown person.
      return values.length > 0 ? [{ operator, dimension, values: values.map((value) => value || null) }] : [];
    }),
  );
}

/** The view an address names. */
export function readView(parameters: URLSearchParams): View {
  return {
    period: readPeriod(parameters),
    isCompared: parameters.get('compare') !== 'none',
    filters: readFilters(parameters),
  };
}

const periodParameters = ['period', 'from', 'to', 'compare'];
const filterParameters = filterDimensions.flatMap((dimension) =>
  filterOperators.map((operator) => parameterOf({ dimension, operator })),
);

/**
 * The address of a view, other parameters kept.
 *
 * `cursor` is dropped: it belongs to one question only.
 */
export function writeView(parameters: URLSearchParams, view: View): URLSearchParams {
  const next = new URLSearchParams(parameters);
  for (const name of [...periodParameters, ...filterParameters, 'cursor']) next.delete(name);
  const { period } = view;
  if (period.kind === 'custom') {
    next.set('from', period.from);
    next.set('to', period.to);
  } else {
    const name = period.kind === 'all' ? 'all' : period.last;
    if (name !== '28d') next.set('period', name);
  }
  if (!view.isCompared) next.set('compare', 'none');
  for (const filter of view.filters) {
    for (const value of filter.values) next.append(parameterOf(filter), value ?? '');
  }
  return next;
}

/** The parameters of the view alone, for a link to another page. */
export function viewParameters(view: View): URLSearchParams {
  return writeView(new URLSearchParams(), view);
}

/** The address of another page, with a view. */
export function addressOf(path: string, view: View): string {
  return `${path}?${viewParameters(view).toString()}`;
}

/** Set one parameter, or remove it with null. A new search or sort removes `cursor` too. */
export function withParameter(
  parameters: URLSearchParams,
  name: 'metric' | 'search' | 'sort' | 'cursor',
  value: string | null,
): URLSearchParams {
  const next = new URLSearchParams(parameters);
  if (name === 'search' || name === 'sort') next.delete('cursor');
  if (value === null || value === '') next.delete(name);
  else next.set(name, value);
  return next;
}
