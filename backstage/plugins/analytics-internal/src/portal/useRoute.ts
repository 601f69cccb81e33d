import {
  useRouteRef,
  type AnyParams,
  type ExternalRouteRef,
  type RouteFunc,
  type RouteRef,
  type SubRouteRef,
} from '@backstage/core-plugin-api';

/** Where a route leads, in either frontend system; null where the app has no such page. */
export function useRoute<P extends AnyParams>(
  ref: RouteRef<P> | SubRouteRef<P> | ExternalRouteRef<P>,
): RouteFunc<P> | null {
  try {
    return useRouteRef(ref as RouteRef<P>) ?? null;
  } catch {
    // Backstage throws if the page is not mounted. It calls the same hooks in both cases.
    return null;
  }
}
