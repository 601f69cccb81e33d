import type { Metric } from '../api/query';

/** How a table is sorted: by one metric, one way. */
export interface Sort<M extends Metric = Metric> {
  by: M;
  direction: 'asc' | 'desc';
}

/** The sort an address names (`-events`, `first_access`); by default that of the first metric, descending. */
export function readSort<M extends Metric>(
  parameters: URLSearchParams,
  metrics: readonly [M, ...M[]],
): Sort<M> {
  const text = parameters.get('sort') ?? '';
  const by = metrics.find((metric) => metric === text.replace(/^-/, ''));
  return by
    ? { by, direction: text.startsWith('-') ? 'desc' : 'asc' }
    : { by: metrics[0], direction: 'desc' };
}

/** The sort as an address names it. */
export function writeSort({ by, direction }: Sort): string {
  return direction === 'desc' ? `-${by}` : by;
}
