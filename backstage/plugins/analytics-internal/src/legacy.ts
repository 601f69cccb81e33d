/**
 * The pages for the legacy frontend system.
 *
 * @packageDocumentation
 */
import {
  createApiFactory,
  createComponentExtension,
  createPlugin,
  createRoutableExtension,
  discoveryApiRef,
  fetchApiRef,
} from '@backstage/core-plugin-api';
import { analyticsInternalApiRef, createPortalClient, PLUGIN_ID } from './portal/apiRef';
import type { AnalyticsInternalPageProps } from './portal/LegacyPages';
import { legacyDetailsRouteRef, legacyRootRouteRef } from './portal/routes';

export type { AnalyticsInternalPageProps };

/**
 * The plugin, for apps of the legacy frontend system.
 *
 * @public
 */
export const analyticsInternalPlugin = createPlugin({
  id: PLUGIN_ID,
  apis: [
    createApiFactory({
      api: analyticsInternalApiRef,
      deps: { discoveryApi: discoveryApiRef, fetchApi: fetchApiRef },
      factory: createPortalClient,
    }),
  ],
  routes: { root: legacyRootRouteRef, details: legacyDetailsRouteRef },
});

/**
 * The metrics: whether the portal is used, by whom, and for what.
 *
 * @public
 */
export const AnalyticsInternalPage: (props: AnalyticsInternalPageProps) => JSX.Element =
  analyticsInternalPlugin.provide(
    createRoutableExtension({
      name: 'AnalyticsInternalPage',
      component: () => import('./portal/LegacyPages').then((pages) => pages.LegacyMetricsPage),
      mountPoint: legacyRootRouteRef,
    }),
  );

/**
 * The details of one activity: what it is, its curve, and who accessed it.
 *
 * @public
 */
export const ActivityInsightDetailsPage: (props: AnalyticsInternalPageProps) => JSX.Element =
  analyticsInternalPlugin.provide(
    createRoutableExtension({
      name: 'ActivityInsightDetailsPage',
      component: () => import('./portal/LegacyPages').then((pages) => pages.LegacyDetailsPage),
      mountPoint: legacyDetailsRouteRef,
    }),
  );

/**
 * The metrics in the app's sidebar.
 *
 * @public
 */
export const AnalyticsInternalSidebarItem: () => JSX.Element = analyticsInternalPlugin.provide(
  createComponentExtension({
    name: 'AnalyticsInternalSidebarItem',
    component: { lazy: () => import('./portal/LegacySidebarItem').then((item) => item.LegacySidebarItem) },
  }),
);

/**
 * How much the entity of the page is looked at: for a grid of an entity's page.
 *
 * @public
 */
export const EntityAnalyticsInternalCard: () => JSX.Element = analyticsInternalPlugin.provide(
  createComponentExtension({
    name: 'EntityAnalyticsInternalCard',
    component: { lazy: () => import('./portal/EntityUsage').then((card) => card.LegacyEntityUsage) },
  }),
);
