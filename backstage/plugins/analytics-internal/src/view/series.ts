import type { Answer, Configuration, CountMetric, DayRange, TimeDimension, TimeLabel } from '../api/query';
import type { Granularity } from '../format/dates';
import { bucketWithin, timeDimensionOf } from './period';

/** One bucket of a curve. */
export interface Point {
  label: string;
  /** The days of the previous period it is compared with. */
  previousDays: DayRange | null;
  /** null: nothing could have been counted, since collection had not begun or the bucket has not. */
  value: number | null;
  previous: number | null;
  isComplete: boolean;
}

type SeriesAnswer = Answer<TimeDimension | CountMetric>;

function isCollected({ to }: DayRange, firstDay: string | null): boolean {
  return firstDay !== null && to >= firstDay;
}

/**
 * A curve's points: every bucket of the period in order, one without a row being 0.
 *
 * Before the day of the first event nothing was collected, which is not the same as no use.
 */
export function seriesOf(
  answer: SeriesAnswer,
  metric: CountMetric,
  granularity: Granularity,
  { first_day: firstDay, today }: Pick<Configuration, 'first_day' | 'today'>,
): Point[] {
  const rows = new Map(answer.results.map((row) => [row[timeDimensionOf(granularity)], row[metric]]));
  const { period } = answer.meta;
  const pointOf = ({ label, previous: previousDays, is_complete }: TimeLabel): Point => {
    const count = rows.get(label);
    const days = bucketWithin(label, granularity, period);
    const hasBegun = days.from <= today;
    // What would still be to come, were it one period later, is not counted.
    const hasPrevious = hasBegun && previousDays !== null && isCollected(previousDays, firstDay);
    return {
      label,
      previousDays,
      value: hasBegun && isCollected(days, firstDay) ? (count?.value ?? 0) : null,
      previous: hasPrevious ? (count?.previous ?? 0) : null,
      isComplete: is_complete,
    };
  };
  return (answer.meta.time_labels ?? []).map(pointOf);
}

/** The part of the curve that is over, and the part that is not over yet. */
export type CurvePart = 'finished' | 'unfinished';

/** A point with what is drawn of it in each part. */
export type DrawnPoint = Point & Record<CurvePart, number | null>;

/** The points with the curve in two parts; the unfinished one begins at the last finished point. */
export function drawnPoints(points: Point[]): DrawnPoint[] {
  const begins = points.findIndex((point) => point.value !== null && !point.isComplete);
  return points.map((point, place) => ({
    ...point,
    finished: point.isComplete ? point.value : null,
    unfinished: begins >= 0 && place >= begins - 1 ? point.value : null,
  }));
}

/** Whether a part is one point: there is no line to either side that would show it. */
export function isLone(points: DrawnPoint[], part: CurvePart): boolean {
  return points.filter((point) => point[part] !== null).length === 1;
}

/** The first and the last bucket before collection began; null where all were collected. */
export function uncollectedStretch(points: Point[]): { from: string; to: string } | null {
  const collected = points.findIndex((point) => point.value !== null);
  if (collected <= 0) return null;
  return { from: points[0]!.label, to: points[collected]!.label };
}
