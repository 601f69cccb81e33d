import { type AnyApiFactory, configApiRef, createApiFactory } from '@backstage/core-plugin-api';
import { ScmAuth, ScmIntegrationsApi, scmIntegrationsApiRef } from '@backstage/integration-react';
import { analyticsApi } from './analytics';

/** APIs that the portal's plugins need and no package provides. */
export const apis: AnyApiFactory[] = [
  analyticsApi,
  ScmAuth.createDefaultApiFactory(),
  createApiFactory({
    api: scmIntegrationsApiRef,
    deps: { configApi: configApiRef },
    factory: ({ configApi }) => ScmIntegrationsApi.fromConfig(configApi),
  }),
];
