import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Configuration } from '../../api/query';
import { viewParameters } from '../../view/address';
import { usePages } from './PagesContext';
import { useView } from './useView';

/** What the service says about itself, and the position that all figures of one view are of. */
export interface AskedConfiguration {
  /** Until that of a changed view arrives: that of the view before. */
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
 * Ask for the configuration. Each view, a period with its filters, has its own: all questions of the view are asked
 * at its position, so that their answers agree while events stream in. When it is renewed, they are asked again.
 *
 * `isPage`: a page that opens renews an outdated configuration. A row or a dialog that appears on it does not.
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
    // Before the first event the page polls, so that the first one shows without a reload.
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
