import { createContext, useContext } from 'react';
import type { AnalyticsClient } from '../api/client';
import type { Item } from '../api/query';
import type { Translate } from '../translations/translate';

/** What the pages are given by whoever shows them: the standalone entry or a Backstage plugin. */
export interface Pages {
  client: AnalyticsClient;
  t: Translate;
  /** A BCP 47 tag: how numbers and dates are written. */
  locale: string;
  /** Where the pages are, as the router in charge names them. */
  paths: { metrics: string; item: (id: Item['id']) => string };
  /** The service's address, as a person would paste it into a command. */
  serviceUrl: string;
  /** Where links into the portal lead; undefined: ask the service, null: nowhere. */
  portalUrl?: string | null;
}

export const PagesContext = createContext<Pages | null>(null);

/** What the pages were given. Throws outside of a `PagesProvider`. */
export function usePages(): Pages {
  const pages = useContext(PagesContext);
  if (!pages) throw new Error('usePages needs a PagesProvider above it');
  return pages;
}
