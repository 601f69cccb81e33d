import { useMutation, useQuery, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { ProblemError } from '../../api/problem';
import type { Destination } from '../../api/destinations';
import { usePages } from '../context/PagesContext';

const KEY = ['destinations'];
const PERIOD_MS = 3_000;

/** The state of the list of destinations. */
export interface AskedDestinations {
  destinations: Destination[] | undefined;
  error: Error | null;
  again: () => void;
}

/** Ask for all destinations, every few seconds while the page is visible. */
export function useDestinations({ isEnabled }: { isEnabled: boolean }): AskedDestinations {
  const { client } = usePages();
  const { data, error, refetch } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => client.destinations.list(signal),
    enabled: isEnabled,
    staleTime: 0,
    refetchInterval: ({ state }) =>
      state.error instanceof ProblemError && !state.error.mayPass ? false : PERIOD_MS,
  });
  return { destinations: data, error, again: () => void refetch() };
}

/** The key of a destination's dead letters; without a cursor, of all their pages. */
export function deadLettersKey(name: string, cursor?: number | null) {
  return [...KEY, name, 'dead-letters', ...(cursor === undefined ? [] : [cursor])];
}

/** Do something to a destination, and show at once what has become of it. */
export function useDestinationAction<Result, Argument = void>(
  act: (argument: Argument) => Promise<Result>,
): UseMutationResult<Result, Error, Argument> {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: act,
    // An answer under way is from before.
    onMutate: () => queryClient.cancelQueries({ queryKey: KEY }),
    onSettled: () => queryClient.invalidateQueries({ queryKey: KEY }),
  });
}
