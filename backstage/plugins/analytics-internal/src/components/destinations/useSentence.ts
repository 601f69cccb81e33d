import type { Destination } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import { useCounted } from './useCounted';

/** Says what somebody should know about a destination: nothing, if its events are on their way. */
export function useSentence(): (destination: Destination) => string[] {
  const { t } = usePages();
  const format = useFormat();
  const counted = useCounted();

  function ofState(destination: Destination): string[] {
    const { name, state, stopped_because: reason, last_error: failure } = destination;
    const events = counted.events(destination.lag_events);
    switch (state) {
      case 'failing': {
        const duration = format.duration(destination.lag_seconds);
        return [t('destinations.summary.failing', { name, events, duration, detail: failure?.detail ?? '' })];
      }
      case 'stopped':
        return [t('destinations.summary.stopped', { name, detail: reason ?? '' })];
      case 'paused':
      case 'backfilling':
      case 'not_configured':
        return [t(`destinations.summary.${state}`, { name, events })];
      default:
        return [];
    }
  }

  return (destination) => {
    const { name, dead_letters: deadLetters } = destination;
    const letters = counted.letters(deadLetters);
    return [
      ...ofState(destination),
      ...(deadLetters > 0 ? [t('destinations.summary.letters', { name, letters })] : []),
    ];
  };
}
