import { useCallback } from 'react';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import { portalAddressOf } from './portalAddress';

/** The target of a link. */
export interface PortalPlace {
  href: string;
  /** Whether going there leaves the pages. */
  isElsewhere: boolean;
}

/**
 * Give the link to a path of the portal or to a web address; null: it must not be a link, or the portal's address is
 * not known.
 */
export function usePortalLink(): (path: string | null) => PortalPlace | null {
  const { around } = usePages();
  const portalUrl = useConfiguration().configuration?.portal_url ?? null;
  const isInPortal = around.kind === 'portal';
  return useCallback(
    (path) => {
      const address = path === null ? null : portalAddressOf(path);
      if (address === null) return null;
      if (!address.isInPortal) return { href: address.href, isElsewhere: true };
      if (isInPortal) return { href: address.href, isElsewhere: false };
      return portalUrl === null
        ? null
        : { href: portalUrl.replace(/\/$/, '') + address.href, isElsewhere: true };
    },
    [isInPortal, portalUrl],
  );
}
