import { createApiRef, type DiscoveryApi, type FetchApi } from '@backstage/frontend-plugin-api';
import { createClient, type AnalyticsClient } from '../api/client';

/** The id that all routes of the service are under. */
export const PLUGIN_ID = 'analytics-internal';

/**
 * The client of the service. The pages and the usage card use it, and any other plugin may.
 *
 * @public
 */
export const analyticsInternalApiRef = createApiRef<AnalyticsClient>().with({
  id: 'plugin.analytics-internal.client',
  pluginId: PLUGIN_ID,
});

/** A client that asks as the signed-in user, at the address that discovery gives. */
export function createPortalClient({
  discoveryApi,
  fetchApi,
}: {
  discoveryApi: DiscoveryApi;
  fetchApi: FetchApi;
}): AnalyticsClient {
  return createClient({ baseUrl: () => discoveryApi.getBaseUrl(PLUGIN_ID), fetch: fetchApi.fetch });
}
