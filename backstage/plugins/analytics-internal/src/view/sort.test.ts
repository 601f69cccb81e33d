import { logMetrics } from './questions';
import { readSort, writeSort, type Sort } from './sort';

const fallback: Sort<'events'> = { by: 'events', direction: 'desc' };

it.each(['-people', 'last_access'])('comes back as it was written: %s', (text) => {
  expect(writeSort(readSort(new URLSearchParams({ sort: text }), logMetrics, fallback))).toBe(text);
});

it('falls back for what cannot be sorted by', () => {
  expect(readSort(new URLSearchParams('sort=-items'), logMetrics, fallback)).toEqual(fallback);
});
