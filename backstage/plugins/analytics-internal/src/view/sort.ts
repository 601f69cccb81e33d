import type { Metric } from '../api/query';

/** How a table is sorted: by one metric, one way. */
export interface Sort<M extends Metric = Metric> {
  by: M;
  direction: 'asc' | 'desc';
}

/** The sort an address names (`-events`, `first_access`); the default where it names none of these metrics. */
export function readSort<M extends Metric>(
  parameters: URLSearchParams,
  metrics: readonly M[],
  fallback: Sort<M>,
): Sort<M> {
  const text = parameters.get('sort') ?? '';
  const by = metrics.find((metric) => metric === text.replace(/^-/, ''));
  return by ? { by, direction: text.startsWith('-') ? 'desc' : 'asc' } : fallback;
}

/** The sort as an address names it. */
export function writeSort({ by, direction }: Sort): string {
  return direction === 'desc' ? `-${by}` : by;
}
