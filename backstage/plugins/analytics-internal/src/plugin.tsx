import {
  ApiBlueprint,
  createFrontendPlugin,
  discoveryApiRef,
  fetchApiRef,
  PageBlueprint,
} from '@backstage/frontend-plugin-api';
import { EntityCardBlueprint } from '@backstage/plugin-catalog-react/alpha';
import { RiBarChartBoxLine } from '@remixicon/react';
import { analyticsInternalApiRef, createPortalClient, PLUGIN_ID } from './portal/apiRef';
import { detailsRouteRef, rootRouteRef } from './portal/routes';

const TITLE = 'Metrics';

const api = ApiBlueprint.make({
  params: (define) =>
    define({
      api: analyticsInternalApiRef,
      deps: { discoveryApi: discoveryApiRef, fetchApi: fetchApiRef },
      factory: createPortalClient,
    }),
});

const page = PageBlueprint.make({
  params: {
    path: '/analytics-internal',
    title: TITLE,
    icon: <RiBarChartBoxLine />,
    routeRef: rootRouteRef,
    loader: () => import('./portal/NewPages').then(({ NewPages }) => <NewPages />),
  },
});

const usageCard = EntityCardBlueprint.make({
  name: 'usage',
  params: {
    type: 'info',
    loader: () => import('./portal/EntityUsage').then(({ NewEntityUsage }) => <NewEntityUsage />),
  },
});

/**
 * The plugin, for apps of the new frontend system: the metrics page, its item in the navigation, and the usage card
 * of the entity pages.
 *
 * @public
 */
export default createFrontendPlugin({
  pluginId: PLUGIN_ID,
  title: TITLE,
  icon: <RiBarChartBoxLine />,
  info: { packageJson: () => import('../package.json') },
  routes: { root: rootRouteRef, details: detailsRouteRef },
  extensions: [api, page, usageCard],
});
