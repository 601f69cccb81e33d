import { withFilter, withoutFilter, type ViewFilter } from './view';

const techdocs: ViewFilter = { dimension: 'plugin', operator: 'is', values: ['techdocs'] };

it('replaces a filter about the same with the same operator', () => {
  const catalog: ViewFilter = { ...techdocs, values: ['catalog'] };
  expect(withFilter([techdocs], catalog)).toEqual([catalog]);
});

it('keeps a filter about the same with another operator', () => {
  const other: ViewFilter = { ...techdocs, operator: 'is_not', values: ['search'] };
  expect(withFilter([techdocs], other)).toEqual([techdocs, other]);
});

it('removes a filter', () => {
  expect(withoutFilter([techdocs], techdocs)).toEqual([]);
});
