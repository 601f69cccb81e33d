import type { ReactNode } from 'react';
import { parseEntityRef } from '../../format/entityRefs';
import { usePages } from '../context/PagesContext';
import { useValueName } from './useFilterName';

export interface PersonNameProps {
  /** null: the unknown person. */
  person: string | null;
  children: (name: string) => ReactNode;
}

/** Renders its children with a person's name: the catalog's, or else the short ref. */
export function PersonName({ person, children }: PersonNameProps) {
  const { around } = usePages();
  const short = useValueName()('person', person);
  // The catalog has no pseudonyms.
  if (around.kind === 'alone' || person === null || !parseEntityRef(person)) return <>{children(short)}</>;
  return <around.Named entityRef={person}>{children}</around.Named>;
}
