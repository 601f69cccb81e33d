import { readSort, writeSort } from './sort';

const metrics = ['events', 'people', 'last_access'] as const;

it.each(['-people', 'last_access'])('comes back as it was written: %s', (text) => {
  expect(writeSort(readSort(new URLSearchParams({ sort: text }), metrics))).toBe(text);
});

it('is by the first metric, most first, for what cannot be sorted by', () => {
  const sort = readSort(new URLSearchParams('sort=items'), metrics);
  expect(sort).toEqual({ by: 'events', direction: 'desc' });
});
