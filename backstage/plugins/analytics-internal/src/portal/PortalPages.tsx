import { useApi } from '@backstage/frontend-plugin-api';
import { entityRouteParams, entityRouteRef, useEntityPresentation } from '@backstage/plugin-catalog-react';
import type { QueryClient } from '@tanstack/react-query';
import { useMemo, type ReactNode } from 'react';
import type { AnalyticsClient } from '../api/client';
import { createQueryClient } from '../components/context/createQueryClient';
import type { InPortal, NamedProps, Pages } from '../components/context/PagesContext';
import { PagesProvider } from '../components/context/PagesProvider';
import { parseEntityRef } from '../format/entityRefs';
import { analyticsInternalApiRef } from './apiRef';
import { useLanguage } from './useLanguage';
import { useRoute } from './useRoute';

// The pages and cards of a portal share one cache, also when they are shown one after another.
const queryClients = new WeakMap<AnalyticsClient, QueryClient>();

function queryClientOf(client: AnalyticsClient): QueryClient {
  const known = queryClients.get(client) ?? createQueryClient();
  queryClients.set(client, known);
  return known;
}

/** The catalog's name for an entity; until it is known, and where it has none, its ref in short. */
function Named({ entityRef, children }: NamedProps) {
  return <>{children(useEntityPresentation(entityRef).primaryTitle)}</>;
}

export interface PortalPagesProps extends Pick<InPortal, 'system' | 'Frame'> {
  paths: Pages['paths'];
  isTimeShown?: boolean;
  children: ReactNode;
}

/** Gives pages and cards what the portal has for them: its language, its routes, a client with the caller's token. */
export function PortalPages({ system, Frame, paths, isTimeShown, children }: PortalPagesProps) {
  const client = useApi(analyticsInternalApiRef);
  const { t, locale } = useLanguage();
  const entityRoute = useRoute(entityRouteRef);
  const pages = useMemo((): Pages => {
    const entityPath = (ref: string) =>
      entityRoute && parseEntityRef(ref) ? entityRoute(entityRouteParams(ref, { encodeParams: true })) : null;
    const around: InPortal = { kind: 'portal', system, entityPath, Named, Frame };
    return { client, t, locale, paths, isTimeShown, around };
  }, [client, t, locale, paths, isTimeShown, system, entityRoute, Frame]);
  return (
    <PagesProvider pages={pages} queryClient={queryClientOf(client)}>
      {children}
    </PagesProvider>
  );
}
