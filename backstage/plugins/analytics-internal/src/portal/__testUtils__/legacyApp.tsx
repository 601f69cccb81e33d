import { createApp } from '@backstage/app-defaults';
import { AppRouter, FlatRoutes } from '@backstage/core-app-api';
import { createApiFactory, fetchApiRef, type AnyApiFactory } from '@backstage/core-plugin-api';
import { render } from '@testing-library/react';
import type { ReactElement, ReactNode } from 'react';

export interface LegacyApp {
  /** The `Route`s of the app. */
  routes: ReactElement[];
  /** Beside the routes, as a sidebar is. */
  beside?: ReactNode;
  fetch: typeof fetch;
  address: string;
  /** The path that the app is served under. */
  basePath?: string;
  apis?: AnyApiFactory[];
  formatDateToShort?: boolean;
}

/** Show an app of the legacy system as its users write one, at an address. */
export function renderLegacyApp({
  routes,
  beside,
  fetch,
  address,
  basePath = '',
  apis = [],
  formatDateToShort,
}: LegacyApp): void {
  window.history.replaceState(null, '', basePath + address);
  const app = createApp({
    apis: [createApiFactory(fetchApiRef, { fetch }), ...apis],
    configLoader: async () => [
      {
        context: 'test',
        data: {
          app: { baseUrl: window.location.origin + basePath },
          backend: { baseUrl: 'http://localhost:7007' },
          ...(formatDateToShort !== undefined && { analyticsInternal: { formatDateToShort } }),
        },
      },
    ],
  });
  const Root = app.createRoot(
    <AppRouter>
      {beside}
      <FlatRoutes>{routes}</FlatRoutes>
    </AppRouter>,
  );
  render(<Root />);
}
