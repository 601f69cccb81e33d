import {
  configApiRef,
  createFrontendModule,
  discoveryApiRef,
  identityApiRef,
} from '@backstage/frontend-plugin-api';
import { AnalyticsImplementationBlueprint } from '@backstage/plugin-app-react';
import { AnalyticsInternalApi } from './AnalyticsInternalApi';

const analyticsInternal = AnalyticsImplementationBlueprint.make({
  name: 'internal',
  params: (define) =>
    define({
      deps: { configApi: configApiRef, identityApi: identityApiRef, discoveryApi: discoveryApiRef },
      factory: (portal) => new AnalyticsInternalApi(portal.configApi, portal),
    }),
});

/**
 * The module for the new frontend system: the extension `analytics:app/internal`, beside other implementations.
 *
 * @public
 */
export const analyticsModuleInternal = createFrontendModule({
  pluginId: 'app',
  extensions: [analyticsInternal],
});
