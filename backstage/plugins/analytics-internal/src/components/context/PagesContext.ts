import { createContext, useContext, type ComponentType, type ReactNode } from 'react';
import type { AnalyticsClient } from '../../api/client';
import type { Item } from '../../api/query';
import type { Translate } from '../../translations/translate';

/** A link to another of our pages. */
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

/** The pages stand alone: links into the portal lead out of them. */
export interface Alone {
  kind: 'alone';
  /** The service's address, as a person would paste it into a command. */
  serviceUrl: string;
}

/** The pages are part of a portal. */
export interface InPortal {
  kind: 'portal';
  /** Its frontend system, which decides how the capture module is added to it. */
  system: 'new' | 'legacy';
  /** An entity's page; null where the catalog shows none. */
  entityPath: (ref: string) => string | null;
  /** Renders its children with the catalog's name for an entity. */
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
  /** The paths of the pages in the router. */
  paths: { metrics: string; destinations: string; item: (id: Item['id']) => string };
  around: Alone | InPortal;
  /** Whether accesses are shown with their time; undefined: each panel decides. */
  isTimeShown?: boolean;
}

export const PagesContext = createContext<Pages | null>(null);

/** What the pages were given. Throws outside of a `PagesProvider`. */
export function usePages(): Pages {
  const pages = useContext(PagesContext);
  if (!pages) throw new Error('usePages needs a PagesProvider above it');
  return pages;
}
