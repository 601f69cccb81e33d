import { shareOf, timeOf, uuid7 } from './ids';

const now = Date.parse('2026-11-24T09:00:00.123Z');

it('an id is a UUID of version 7 with its time in it', () => {
  const id = uuid7(now);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(timeOf(id)).toBe(now);
});

it('ids sort in the order in which they are made, within a millisecond and when the clock is set back', () => {
  const ids = [...Array(10_000).keys()].map((index) => uuid7(now + (index < 9_000 ? index >> 12 : -60_000)));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

it('the share of an id is spread evenly from 0 to 1', () => {
  const shares = [...Array(4_000).keys()].map((index) => shareOf(uuid7(now + index)));
  expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...shares)).toBeLessThan(1);
  const mean = shares.reduce((sum, share) => sum + share) / shares.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.03);
});
