import type { ReactNode } from 'react';
import { parseEntityRef, shortEntityRef } from '../../format/entityRefs';
import { usePages } from '../context/PagesContext';
import { useTitles } from '../context/titles';

export interface EntityNameProps {
  /** A ref, or a text that is none: a pseudonym. */
  entityRef: string;
  children: (name: string) => ReactNode;
}

/** Renders its children with an entity's name: the answer's title, else that of the portal's catalog, else the short ref. */
export function EntityName({ entityRef, children }: EntityNameProps) {
  const { around } = usePages();
  const title = useTitles()[entityRef];
  if (title !== undefined) return <>{children(title)}</>;
  // The catalog has no pseudonyms.
  if (around.kind === 'alone' || !parseEntityRef(entityRef))
    return <>{children(shortEntityRef(entityRef))}</>;
  return <around.Named entityRef={entityRef}>{children}</around.Named>;
}
