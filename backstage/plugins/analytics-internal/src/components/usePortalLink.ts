import { useCallback } from 'react';
import { usePages } from './PagesContext';
import { useConfiguration } from './useConfiguration';

/** Where a path of the portal is; null for no path, or where nobody told where the portal is. */
export function usePortalLink(): (path: string | null) => string | null {
  const { portalUrl } = usePages();
  const { configuration } = useConfiguration();
  const base = portalUrl === undefined ? configuration?.portal_url : portalUrl;
  return useCallback(
    (path) => (path === null || base === null || base === undefined ? null : base.replace(/\/$/, '') + path),
    [base],
  );
}
