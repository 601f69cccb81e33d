import type { Answer, Configuration, DateRange, DayRange, TimeDimension } from '../api/query';
import type { Granularity } from '../format/dates';
import type { LastPeriod, ViewPeriod } from './view';

const DAY_MS = 86_400_000;
const lastDays: Record<LastPeriod, number> = { '7d': 7, '28d': 28, '30d': 30, '90d': 90, '12m': 366 };

function time(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** How many days from one to the other, both included. */
export function daysBetween({ from, to }: DayRange): number {
  return Math.round((time(to) - time(from)) / DAY_MS) + 1;
}

/** The period as the query language says it. */
export function dateRangeOf(period: ViewPeriod): DateRange {
  if (period.kind === 'all') return 'all';
  return period.kind === 'last' ? { last: period.last } : { from: period.from, to: period.to };
}

/** The size of the buckets of a curve: there are about 90 at most, so that it stays readable. */
export function granularityOf(
  period: ViewPeriod,
  { first_day, today }: Pick<Configuration, 'first_day' | 'today'>,
): Granularity {
  const days =
    period.kind === 'last'
      ? lastDays[period.last]
      : daysBetween(period.kind === 'custom' ? period : { from: first_day ?? today, to: today });
  if (days <= 92) return 'day';
  return days <= 550 ? 'week' : 'month';
}

export function timeDimensionOf(granularity: Granularity): TimeDimension {
  return `time:${granularity}`;
}

/** The days a bucket covers. */
export function daysOfBucket(label: string, granularity: Granularity): DayRange {
  if (granularity === 'day') return { from: label, to: label };
  if (granularity === 'week') return { from: label, to: dayOf(time(label) + 6 * DAY_MS) };
  const [year, month] = label.split('-').map(Number);
  return { from: label, to: dayOf(Date.UTC(year!, month, 0)) };
}

/** The days of a bucket that lie within a period. */
export function bucketWithin(label: string, granularity: Granularity, period: DayRange): DayRange {
  const { from, to } = daysOfBucket(label, granularity);
  return { from: from < period.from ? period.from : from, to: to > period.to ? period.to : to };
}

/** The day collection began, where that is within the period that an answer is compared with; else null. */
export function uncollectedUntil(
  { meta: { previous_period: previous } }: Pick<Answer, 'meta'>,
  { first_day: firstDay }: Pick<Configuration, 'first_day'>,
): string | null {
  return previous && firstDay && previous.from < firstDay ? firstDay : null;
}
