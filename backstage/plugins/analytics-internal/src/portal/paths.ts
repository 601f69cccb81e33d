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

/** Where the installation steps put the page. */
export const ROOT = '/analytics-internal';

/** Where an app of the new system has the pages. */
export function useNewPaths(): PortalPaths {
  const root = useRouteRef(rootRouteRef)?.();
  return useMemo(() => {
    const metrics = root ?? ROOT;
    return { paths: { metrics, item: (id) => `${metrics}/items/${id}` }, isMounted: root !== undefined };
  }, [root]);
}

/** Where an app of the legacy system has the pages: the details right below the metrics. */
export function useLegacyPaths(): PortalPaths {
  const root = useRoute(legacyRootRouteRef)?.();
  return useMemo(() => {
    const metrics = root ?? ROOT;
    return { paths: { metrics, item: (id) => `${metrics}/${id}` }, isMounted: root !== undefined };
  }, [root]);
}
