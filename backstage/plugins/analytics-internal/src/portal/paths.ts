import { useRouteRef } from '@backstage/frontend-plugin-api';
import { useMemo } from 'react';
import type { Pages } from '../components/context/PagesContext';
import { legacyRootRouteRef, rootRouteRef } from './routes';
import { useRoute } from './useRoute';

/** Where our pages are in the portal. */
export interface PortalPaths {
  paths: Pages['paths'];
  /** Whether the app has the metrics page. */
  isMounted: boolean;
}

/** Where the destinations are below the metrics, in both systems. */
export const DESTINATIONS = '/destinations';

/** Where the installation steps put the page. */
export const ROOT = '/analytics-internal';

/** `root`: where the app has the metrics, if it has them. `items`: where the details are below them. */
function usePortalPaths(root: string | undefined, items: string): PortalPaths {
  return useMemo(() => {
    const metrics = root ?? ROOT;
    return {
      paths: { metrics, destinations: `${metrics}${DESTINATIONS}`, item: (id) => `${metrics}${items}/${id}` },
      isMounted: root !== undefined,
    };
  }, [root, items]);
}

/** Where an app of the new system has the pages. */
export function useNewPaths(): PortalPaths {
  return usePortalPaths(useRouteRef(rootRouteRef)?.(), '/items');
}

/** Where an app of the legacy system has the pages: the details right below the metrics. */
export function useLegacyPaths(): PortalPaths {
  return usePortalPaths(useRoute(legacyRootRouteRef)?.(), '');
}
