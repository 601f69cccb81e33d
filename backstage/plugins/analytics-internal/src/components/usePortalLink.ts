import { useCallback } from 'react';
import { usePages } from './PagesContext';
import { useConfiguration } from './useConfiguration';

/** Where something is shown. */
export interface PortalPlace {
  href: string;
  /** Whether going there leaves the pages. */
  isElsewhere: boolean;
}

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Where a path of the portal is; null for no path, or where nobody told where the portal is. */
export function usePortalLink(): (path: string | null) => PortalPlace | null {
  const { around } = usePages();
  const portalUrl = useConfiguration().configuration?.portal_url ?? null;
  const isInPortal = around.kind === 'portal';
  return useCallback(
    (path) => {
      if (path === null) return null;
      if (ABSOLUTE.test(path)) return { href: path, isElsewhere: true };
      if (isInPortal) return { href: path, isElsewhere: false };
      return portalUrl === null ? null : { href: portalUrl.replace(/\/$/, '') + path, isElsewhere: true };
    },
    [isInPortal, portalUrl],
  );
}
