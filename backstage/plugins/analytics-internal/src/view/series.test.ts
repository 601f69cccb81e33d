import type { Answer, CountMetric, TimeDimension } from '../api/query';
import { drawnPoints, isLone, seriesOf, uncollectedStretch, type Point } from './series';

const today = '2026-11-04';

/** Four days, of which the second had no events and the last is today. */
function answer(): Answer<TimeDimension | CountMetric> {
  const days = ['2026-11-01', '2026-11-02', '2026-11-03', '2026-11-04'];
  const results = [
    { 'time:day': '2026-11-01', events: { value: 5, previous: 2 } },
    { 'time:day': '2026-11-03', events: { value: 7, previous: 0 } },
    { 'time:day': '2026-11-04', events: { value: 1, previous: 4 } },
  ];
  const meta = {
    period: { from: '2026-11-01', to: '2026-11-04' },
    previous_period: { from: '2026-10-28', to: '2026-10-31' },
    time_labels: days.map((label, place) => ({
      label,
      previous: { from: `2026-10-${28 + place}`, to: `2026-10-${28 + place}` },
      is_complete: label !== today,
    })),
  };
  return { results, meta } as unknown as Answer<TimeDimension | CountMetric>;
}

const series = (firstDay: string | null) =>
  seriesOf(answer(), 'events', 'day', { first_day: firstDay, today });

describe('seriesOf', () => {
  it('has every bucket, one without a row being 0', () => {
    expect(series('2026-01-01').map(({ value }) => value)).toEqual([5, 0, 7, 1]);
    expect(series('2026-01-01').map(({ previous }) => previous)).toEqual([2, 0, 0, 4]);
  });
  it('does not take what was not collected for no use', () => {
    expect(series('2026-11-03').map(({ value }) => value)).toEqual([null, null, 7, 1]);
    expect(series('2026-11-03').map(({ previous }) => previous)).toEqual([null, null, null, null]);
    expect(series('2026-10-30').map(({ previous }) => previous)).toEqual([null, null, 0, 4]);
  });
  it('leaves the days to come empty', () => {
    const points = seriesOf(answer(), 'events', 'day', { first_day: '2026-01-01', today: '2026-11-03' });
    expect(points.at(-1)).toMatchObject({ value: null, previous: null });
  });
  it('has nothing to compare with where nothing was asked for', () => {
    const alone = answer();
    alone.meta.time_labels?.forEach((label) => Object.assign(label, { previous: null }));
    const points = seriesOf(alone, 'events', 'day', { first_day: '2026-01-01', today });
    expect(points.every(({ previous }) => previous === null)).toBe(true);
  });
});

describe('seriesOf weeks', () => {
  it('compares with the days that the service says', () => {
    const week = {
      label: '2026-10-26',
      previous: { from: '2026-10-01', to: '2026-10-04' },
      is_complete: true,
    };
    const weekly = {
      results: [{ 'time:week': '2026-10-26', events: { value: 4, previous: 4 } }],
      meta: { period: { from: '2026-10-29', to: '2026-11-25' }, time_labels: [week] },
    } as unknown as Answer<TimeDimension | CountMetric>;
    const of = (firstDay: string) =>
      seriesOf(weekly, 'events', 'week', { first_day: firstDay, today: '2026-11-25' })[0];
    expect(of('2026-10-04')).toMatchObject({ value: 4, previous: 4, previousDays: week.previous });
    expect(of('2026-10-05')).toMatchObject({ value: 4, previous: null });
  });
});

describe('drawnPoints', () => {
  it('joins the unfinished part to the last finished point', () => {
    const drawn = drawnPoints(series('2026-01-01'));
    expect(drawn.map(({ finished }) => finished)).toEqual([5, 0, 7, null]);
    expect(drawn.map(({ unfinished }) => unfinished)).toEqual([null, null, 7, 1]);
  });
  it('draws a single unfinished bucket', () => {
    const only: Point = { label: today, previousDays: null, value: 3, previous: null, isComplete: false };
    expect(drawnPoints([only])).toMatchObject([{ finished: null, unfinished: 3 }]);
  });
});

describe('isLone', () => {
  it('knows the one point of the day that collection began, and of the day after', () => {
    const first = drawnPoints(series('2026-11-04'));
    expect([isLone(first, 'finished'), isLone(first, 'unfinished')]).toEqual([false, true]);
    const second = drawnPoints(series('2026-11-03'));
    expect([isLone(second, 'finished'), isLone(second, 'unfinished')]).toEqual([true, false]);
  });
});

describe('uncollectedStretch', () => {
  it('reaches up to where collection began', () => {
    expect(uncollectedStretch(series('2026-11-03'))).toEqual({ from: '2026-11-01', to: '2026-11-03' });
  });
  it('is nothing where all was collected', () => {
    expect(uncollectedStretch(series('2026-01-01'))).toBeNull();
  });
});
