import { createApiRef, type DiscoveryApi, type FetchApi } from '@backstage/frontend-plugin-api';
import { createClient, type AnalyticsClient } from '../api/client';

/** The id that all routes of the service are under. */
export const PLUGIN_ID = 'analytics-internal';

/**
 * The way to the service's figures: the pages and the usage card ask through it, and so may any other plugin.
 *
 * @public
 */
export const analyticsInternalApiRef = createApiRef<AnalyticsClient>().with({
  id: 'plugin.analytics-internal.client',
  pluginId: PLUGIN_ID,
});

/** A client that asks as the person who is signed in, wherever discovery says that the service is. */
export function createPortalClient({
  discoveryApi,
  fetchApi,
}: {
  discoveryApi: DiscoveryApi;
  fetchApi: FetchApi;
}): AnalyticsClient {
  return createClient({ baseUrl: () => discoveryApi.getBaseUrl(PLUGIN_ID), fetch: fetchApi.fetch });
}
