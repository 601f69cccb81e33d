import { createContext, useContext, type ComponentType, type ReactNode } from 'react';
import type { AnalyticsClient } from '../../api/client';
import type { Item } from '../../api/query';
import type { Translate } from '../../translations/translate';

/** A link to a page of ours. */
export interface PageLink {
  label: string;
  href: string;
}

export interface FrameProps {
  title: string;
  /** The page this one belongs to. */
  parent?: PageLink;
  children: ReactNode;
}

export interface NamedProps {
  /** The full ref. */
  entityRef: string;
  children: (name: string) => ReactNode;
}

/** Nothing is around the pages: links into the portal lead out of them. */
export interface Alone {
  kind: 'alone';
  /** The service's address, as a person would paste it into a command. */
  serviceUrl: string;
}

/** A portal is around the pages, and they are of it. */
export interface InPortal {
  kind: 'portal';
  /** By which frontend system, and so how the capture module is added to it. */
  system: 'new' | 'legacy';
  /** An entity's page; null where the catalog shows none. */
  entityPath: (ref: string) => string | null;
  /** Shows something by the name that the catalog has for an entity. */
  Named: ComponentType<NamedProps>;
  /** What the portal puts around a page, its title included; undefined: the page shows its title itself. */
  Frame?: ComponentType<FrameProps>;
}

/** What the pages are given by whoever shows them: the standalone entry or a Backstage plugin. */
export interface Pages {
  client: AnalyticsClient;
  t: Translate;
  /** A BCP 47 tag: how numbers and dates are written. */
  locale: string;
  /** Where the pages are, as the router in charge names them. */
  paths: { metrics: string; item: (id: Item['id']) => string };
  around: Alone | InPortal;
  /** Whether accesses are shown with their time; undefined: as each panel does. */
  isTimeShown?: boolean;
}

export const PagesContext = createContext<Pages | null>(null);

/** What the pages were given. Throws outside of a `PagesProvider`. */
export function usePages(): Pages {
  const pages = useContext(PagesContext);
  if (!pages) throw new Error('usePages needs a PagesProvider above it');
  return pages;
}
