import { useMemo } from 'react';
import type { DayRange } from '../../api/query';
import {
  formatBucket,
  formatDateToShort,
  formatDay,
  formatDays,
  formatTick,
  type Granularity,
} from '../../format/dates';
import { formatDuration } from '../../format/durations';
import { formatCount, formatRatio, formatRounded } from '../../format/numbers';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';

/** Formatters for the pages' locale and the reporting time zone. */
export function useFormat() {
  const { locale, t } = usePages();
  const timeZone = useConfiguration().configuration?.time_zone ?? 'UTC';
  return useMemo(
    () => ({
      count: (value: number) => formatCount(value, locale),
      rounded: (value: number) => formatRounded(value, locale),
      ratio: (ratio: number) => formatRatio(ratio, locale),
      duration: (seconds: number) => formatDuration(seconds, locale),
      day: (day: string) => formatDay(day, locale),
      days: (days: DayRange) => formatDays(days, locale),
      date: (moment: string) => formatDateToShort(moment, false, { locale, timeZone }),
      dateAndTime: (moment: string) => formatDateToShort(moment, true, { locale, timeZone }),
      bucket: (label: string, granularity: Granularity) => {
        const text = formatBucket(label, granularity, locale);
        return granularity === 'week' ? t('curve.week.of', { day: text }) : text;
      },
      tick: (label: string, granularity: Granularity) => formatTick(label, granularity, locale),
    }),
    [locale, timeZone, t],
  );
}
