import { useMemo } from 'react';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';

/** Counts in words: `1,204 events`, `1 dead letter`. */
export function useCounted() {
  const { t } = usePages();
  const format = useFormat();
  return useMemo(() => {
    const counted = (key: 'count' | 'events' | 'letters' | 'attempts') => (count: number) =>
      t(`destinations.${key}`, { count, figure: format.count(count) });
    return {
      destinations: counted('count'),
      events: counted('events'),
      letters: counted('letters'),
      attempts: counted('attempts'),
    };
  }, [t, format]);
}
