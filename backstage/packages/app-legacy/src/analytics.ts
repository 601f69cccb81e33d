import { MultipleAnalyticsApi } from '@backstage/core-app-api';
import {
  analyticsApiRef,
  configApiRef,
  createApiFactory,
  discoveryApiRef,
  identityApiRef,
} from '@backstage/core-plugin-api';
import { AnalyticsInternalApi } from 'backstage-plugin-analytics-module-internal';
import { recorder } from './recorder';

/** The module, and the tests' recorder beside it: every event goes to both. */
export const analyticsApi = createApiFactory({
  api: analyticsApiRef,
  deps: { configApi: configApiRef, identityApi: identityApiRef, discoveryApi: discoveryApiRef },
  factory: ({ configApi, identityApi, discoveryApi }) =>
    MultipleAnalyticsApi.fromApis([
      AnalyticsInternalApi.fromConfig(configApi, { identityApi, discoveryApi }),
      recorder,
    ]),
});
