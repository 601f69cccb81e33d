import { useCallback } from 'react';
import type { ViewPeriod } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useFormat } from './useFormat';

/** A period in words. */
export function usePeriodName(): (period: ViewPeriod) => string {
  const { t } = usePages();
  const format = useFormat();
  return useCallback(
    (period) => {
      if (period.kind === 'last') return t(`period.${period.last}`);
      if (period.kind === 'all') return t('period.all');
      if (period.from === period.to) return format.day(period.from);
      return t('period.range', { from: format.day(period.from), to: format.day(period.to) });
    },
    [t, format],
  );
}
