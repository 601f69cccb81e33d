import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Configuration } from '../../api/query';
import { viewParameters } from '../../view/address';
import { usePages } from './PagesContext';
import { useView } from './useView';

/** What the service says about itself, and the moment that all figures of one page view are of. */
export interface AskedConfiguration {
  /** While that of a changed view is under way: the one of the view before. */
  configuration: Configuration | undefined;
  /** When it was answered, in ms; null while `configuration` is still the one before. */
  answeredAt: number | null;
  /** Whether it was asked for because the service did not know the position of the one before. */
  isRenewed: boolean;
  error: Error | null;
  again: () => void;
  /** The configuration of this view, once it is there. */
  known: () => Promise<Configuration>;
  /** A fresh one, because the service does not know the position of the one at hand. */
  renewed: () => Promise<Configuration>;
}

/**
 * Ask for the configuration. Each page view, a period with its filters, has its own: its position is the one that
 * all questions of the view are asked with, so that their answers agree while events stream in. When it is asked
 * for again, they are.
 *
 * `isPage`: a page just opened renews what is no longer current. A row or a dialog that appears on it does not.
 */
export function useConfiguration({ isPage = false } = {}): AskedConfiguration {
  const { client } = usePages();
  const { view } = useView();
  const queryClient = useQueryClient();
  const asking = (isRenewed: boolean) => ({
    queryKey: ['configuration', viewParameters(view).toString()],
    queryFn: async ({ signal }: { signal: AbortSignal }) => ({
      configuration: await client.configuration(signal),
      isRenewed,
    }),
  });
  const { data, dataUpdatedAt, isPlaceholderData, error, refetch } = useQuery({
    ...asking(false),
    placeholderData: keepPreviousData,
    refetchOnMount: isPage,
    // Before the first event the page waits for it, so that sending one is seen to work.
    refetchInterval: ({ state }) => (state.data?.configuration.first_day === null ? 5_000 : false),
  });
  const fetched = async (isRenewed: boolean) => {
    const staleTime = isRenewed ? 0 : Infinity;
    return (await queryClient.query({ ...asking(isRenewed), staleTime })).configuration;
  };
  return {
    configuration: data?.configuration,
    answeredAt: data && !isPlaceholderData ? dataUpdatedAt : null,
    isRenewed: data?.isRenewed ?? false,
    error,
    again: () => void refetch(),
    known: () => fetched(false),
    renewed: () => fetched(true),
  };
}
