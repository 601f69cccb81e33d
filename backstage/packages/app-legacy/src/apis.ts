import { type AnyApiFactory, configApiRef, createApiFactory } from '@backstage/core-plugin-api';
import { ScmAuth, ScmIntegrationsApi, scmIntegrationsApiRef } from '@backstage/integration-react';
import { analyticsApi } from './analytics';

/** What the plugins of the portal need and nobody else provides. */
export const apis: AnyApiFactory[] = [
  analyticsApi,
  ScmAuth.createDefaultApiFactory(),
  createApiFactory({
    api: scmIntegrationsApiRef,
    deps: { configApi: configApiRef },
    factory: ({ configApi }) => ScmIntegrationsApi.fromConfig(configApi),
  }),
];
