import { formatterOf } from './intl';

const formatOf = formatterOf<Intl.NumberFormatOptions, Intl.NumberFormat>(Intl.NumberFormat);

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The largest unit of which a duration has two at least, or else seconds. */
function unitOf(seconds: number): [unit: 'second' | 'minute' | 'hour' | 'day', length: number] {
  if (seconds < 2 * MINUTE) return ['second', 1];
  if (seconds < 2 * HOUR) return ['minute', MINUTE];
  return seconds < 2 * DAY ? ['hour', HOUR] : ['day', DAY];
}

/** A duration in whole units: `45 seconds`, `12 minutes`; short ones to two significant digits: `0.12 seconds`. */
export function formatDuration(seconds: number, locale: string): string {
  const [unit, length] = unitOf(seconds);
  const digits = seconds < 1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 };
  return formatOf(locale, { style: 'unit', unit, unitDisplay: 'long', ...digits }).format(
    Math.floor(seconds / length) || seconds,
  );
}
