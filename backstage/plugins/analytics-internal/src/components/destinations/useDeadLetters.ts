import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { DeadLetters } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { deadLettersKey } from './useDestinations';

const PERIOD_MS = 5_000;

export interface AskedDeadLetters {
  page: DeadLetters | undefined;
  error: Error | null;
  again: () => void;
}

/** Ask for a page of a destination's dead letters; null: the first one. */
export function useDeadLetters(name: string, cursor: number | null): AskedDeadLetters {
  const { client } = usePages();
  const { data, error, refetch } = useQuery({
    queryKey: deadLettersKey(name, cursor),
    queryFn: ({ signal }) => client.destinations.deadLetters(name, cursor, signal),
    placeholderData: keepPreviousData,
    staleTime: 0,
    refetchInterval: PERIOD_MS,
  });
  return { page: data, error, again: () => void refetch() };
}
