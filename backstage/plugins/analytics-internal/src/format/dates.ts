import { formatterOf } from './intl';

/** Dates as the locale writes them, in the reporting time zone. */

const formatOf = formatterOf<Intl.DateTimeFormatOptions, Intl.DateTimeFormat>(Intl.DateTimeFormat);

const shortDay: Intl.DateTimeFormatOptions = { day: '2-digit', month: '2-digit', year: 'numeric' };
const withSeconds: Intl.DateTimeFormatOptions = {
  ...shortDay,
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
};

/** A point in time as the original writes it: `16/07/2025`, or with time `16/07/2025 12:44:14` (pt-BR). */
export function formatDateToShort(
  date: string | Date,
  withTime: boolean,
  { locale, timeZone }: { locale: string; timeZone: string },
): string {
  const options = { ...(withTime ? withSeconds : shortDay), timeZone };
  const text = formatOf(locale, options).format(new Date(date));
  // pt-BR separates date and time by a comma; the original does not.
  return locale.startsWith('pt') ? text.replace(', ', ' ') : text;
}

/** The start of a day (`2026-11-02`) in UTC. It is formatted in UTC too, so that it stays the same day. */
function asUtc(day: string): Date {
  return new Date(`${day}T00:00:00Z`);
}

/** A day as the locale writes it: `02/11/2026`. */
export function formatDay(day: string, locale: string): string {
  return formatOf(locale, { ...shortDay, timeZone: 'UTC' }).format(asUtc(day));
}

/** Days as the locale writes them: `29/01/2026 – 28/02/2026`; one day with its weekday. */
export function formatDays({ from, to }: { from: string; to: string }, locale: string): string {
  return from === to
    ? formatBucket(from, 'day', locale)
    : `${formatDay(from, locale)} – ${formatDay(to, locale)}`;
}

export type Granularity = 'day' | 'week' | 'month';

const axisOptions: Record<Granularity, Intl.DateTimeFormatOptions> = {
  day: { day: 'numeric', month: 'short' },
  week: { day: 'numeric', month: 'short' },
  month: { month: 'short', year: 'numeric' },
};
const bucketOptions: Record<Granularity, Intl.DateTimeFormatOptions> = {
  day: { weekday: 'short', ...shortDay },
  week: shortDay,
  month: { month: 'long', year: 'numeric' },
};

/** A bucket under the axis: `2 Nov`, `Nov 2026`. */
export function formatTick(label: string, granularity: Granularity, locale: string): string {
  return formatOf(locale, { ...axisOptions[granularity], timeZone: 'UTC' }).format(asUtc(label));
}

/** A bucket in words: `Mon, 02/11/2026`, `November 2026`; a week by its Monday. */
export function formatBucket(label: string, granularity: Granularity, locale: string): string {
  return formatOf(locale, { ...bucketOptions[granularity], timeZone: 'UTC' }).format(asUtc(label));
}
