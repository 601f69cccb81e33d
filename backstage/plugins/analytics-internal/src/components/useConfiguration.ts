import { useQuery } from '@tanstack/react-query';
import type { Configuration } from '../api/query';
import { usePages } from './PagesContext';

/** What the service says about itself. */
export interface AskedConfiguration {
  configuration: Configuration | undefined;
  error: Error | null;
  again: () => void;
}

export function useConfiguration(): AskedConfiguration {
  const { client } = usePages();
  const { data, error, refetch } = useQuery({
    queryKey: ['configuration'],
    queryFn: ({ signal }) => client.configuration(signal),
    // Before the first event the page waits for it, so that sending one is seen to work.
    refetchInterval: ({ state }) => (state.data?.first_day === null ? 5_000 : false),
  });
  return { configuration: data, error, again: () => void refetch() };
}
