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
import { formatCount, formatRatio, formatRounded } from '../../format/numbers';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';

/** The formats, by the pages' locale and in the reporting time zone. */
export interface Format {
  count: (value: number) => string;
  rounded: (value: number) => string;
  ratio: (ratio: number) => string;
  day: (day: string) => string;
  days: (days: DayRange) => string;
  date: (moment: string) => string;
  dateAndTime: (moment: string) => string;
  bucket: (label: string, granularity: Granularity) => string;
  tick: (label: string, granularity: Granularity) => string;
}

export function useFormat(): Format {
  const { locale, t } = usePages();
  const timeZone = useConfiguration().configuration?.time_zone ?? 'UTC';
  return useMemo(
    () => ({
      count: (value) => formatCount(value, locale),
      rounded: (value) => formatRounded(value, locale),
      ratio: (ratio) => formatRatio(ratio, locale),
      day: (day) => formatDay(day, locale),
      days: (days) => formatDays(days, locale),
      date: (moment) => formatDateToShort(moment, false, { locale, timeZone }),
      dateAndTime: (moment) => formatDateToShort(moment, true, { locale, timeZone }),
      bucket: (label, granularity) => {
        const text = formatBucket(label, granularity, locale);
        return granularity === 'week' ? t('curve.week.of', { day: text }) : text;
      },
      tick: (label, granularity) => formatTick(label, granularity, locale),
    }),
    [locale, timeZone, t],
  );
}
