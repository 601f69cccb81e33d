import { MultipleAnalyticsApi } from '@backstage/core-app-api';
import {
  analyticsApiRef,
  configApiRef,
  createApiFactory,
  discoveryApiRef,
  identityApiRef,
} from '@backstage/core-plugin-api';
import { recorder } from './recorder';

/** The module, and the tests' recorder beside it: every event goes to both. */
export const analyticsApi = createApiFactory({
  api: analyticsApiRef,
  deps: { configApi: configApiRef, identityApi: identityApiRef, discoveryApi: discoveryApiRef },
  factory: () => MultipleAnalyticsApi.fromApis([recorder]),
});
