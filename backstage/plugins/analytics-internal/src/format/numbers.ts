import type { Count } from '../api/query';
import { formatterOf } from './intl';

const formatOf = formatterOf<Intl.NumberFormatOptions, Intl.NumberFormat>(Intl.NumberFormat);

/** The exact count: `12,480`. */
export function formatCount(value: number, locale: string): string {
  return formatOf(locale, {}).format(value);
}

/** At most three significant digits: `12.5K`. */
export function formatRounded(value: number, locale: string): string {
  return formatOf(locale, { notation: 'compact', maximumSignificantDigits: 3 }).format(value);
}

/** With a smaller base a percentage misleads: from 2 to 3 is not "+50 %". */
export const SMALLEST_BASE = 10;
/** A larger ratio is hard to read as a percentage. */
const LARGEST_RATIO = 10;

export type Change =
  /** `ratio` 0.08 is 8 % more. */
  | { kind: 'ratio'; ratio: number; direction: 'up' | 'down' | 'level' }
  /** A percentage would mislead: show the previous count. */
  | { kind: 'previous'; previous: number };

/** How a count changed from the previous period; null: there is nothing to compare with. */
export function changeOf({ value, previous }: Count): Change | null {
  if (previous === undefined) return null;
  if (previous < SMALLEST_BASE) return { kind: 'previous', previous };
  const ratio = (value - previous) / previous;
  if (ratio >= LARGEST_RATIO) return { kind: 'previous', previous };
  const percent = Math.round(ratio * 100);
  if (percent === 0) return { kind: 'ratio', ratio, direction: 'level' };
  return { kind: 'ratio', ratio, direction: percent > 0 ? 'up' : 'down' };
}

/** `8%`, without a sign: the arrow beside it says which way. */
export function formatRatio(ratio: number, locale: string): string {
  return formatOf(locale, { style: 'percent', maximumFractionDigits: 0 }).format(Math.abs(ratio));
}
