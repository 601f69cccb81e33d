import { bucketWithin, dateRangeOf, daysBetween, daysOfBucket, granularityOf } from './period';

const configuration = { first_day: '2024-01-01', today: '2026-11-25' };

describe('granularityOf', () => {
  it('follows the length of the period', () => {
    expect(granularityOf({ kind: 'last', last: '90d' }, configuration)).toBe('day');
    expect(granularityOf({ kind: 'last', last: '12m' }, configuration)).toBe('week');
    expect(granularityOf({ kind: 'all' }, configuration)).toBe('month');
  });
  it('is by the day while there is little', () => {
    expect(granularityOf({ kind: 'all' }, { ...configuration, first_day: '2026-11-20' })).toBe('day');
    expect(granularityOf({ kind: 'all' }, { ...configuration, first_day: null })).toBe('day');
  });
  it('counts the days of a custom period', () => {
    const half = { kind: 'custom', from: '2026-01-01', to: '2026-06-30' } as const;
    expect(granularityOf(half, configuration)).toBe('week');
  });
});

describe('buckets', () => {
  it('cover their days', () => {
    expect(daysOfBucket('2026-11-02', 'day')).toEqual({ from: '2026-11-02', to: '2026-11-02' });
    expect(daysOfBucket('2026-11-02', 'week')).toEqual({ from: '2026-11-02', to: '2026-11-08' });
    expect(daysOfBucket('2028-02-01', 'month')).toEqual({ from: '2028-02-01', to: '2028-02-29' });
    expect(daysOfBucket('2026-12-01', 'month')).toEqual({ from: '2026-12-01', to: '2026-12-31' });
  });
  it('end where the period ends', () => {
    const period = { from: '2026-10-29', to: '2026-11-25' };
    expect(bucketWithin('2026-10-26', 'week', period)).toEqual({ from: '2026-10-29', to: '2026-11-01' });
    expect(bucketWithin('2026-11-23', 'week', period)).toEqual({ from: '2026-11-23', to: '2026-11-25' });
  });
  it('are as long as they are over a change of the clocks', () => {
    expect(daysBetween({ from: '2026-03-28', to: '2026-03-30' })).toBe(3);
  });
});

it('says a period as the query language does', () => {
  expect(dateRangeOf({ kind: 'last', last: '12m' })).toEqual({ last: '12m' });
  expect(dateRangeOf({ kind: 'all' })).toBe('all');
  expect(dateRangeOf({ kind: 'custom', from: '2026-01-01', to: '2026-01-02' })).toEqual({
    from: '2026-01-01',
    to: '2026-01-02',
  });
});
