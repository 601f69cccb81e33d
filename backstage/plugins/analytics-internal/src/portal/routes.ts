import { createRouteRef as createLegacyRouteRef } from '@backstage/core-plugin-api';
import { createRouteRef, createSubRouteRef } from '@backstage/frontend-plugin-api';

/** The metrics page in the new frontend system. */
export const rootRouteRef = createRouteRef();

/** The details of one activity in the new frontend system. */
export const detailsRouteRef = createSubRouteRef({ parent: rootRouteRef, path: '/items/:id' });

/** The metrics page in the legacy frontend system. */
export const legacyRootRouteRef = createLegacyRouteRef({ id: 'analytics-internal.root' });

/** The details of one activity in the legacy frontend system. */
export const legacyDetailsRouteRef = createLegacyRouteRef({
  id: 'analytics-internal.details',
  params: ['id'],
});
