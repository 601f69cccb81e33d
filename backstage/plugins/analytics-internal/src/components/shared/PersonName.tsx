import type { ReactNode } from 'react';
import { parseEntityRef } from '../../format/entityRefs';
import { usePages } from '../context/PagesContext';
import { useValueName } from './useFilterName';

export interface PersonNameProps {
  /** null: the unknown person. */
  person: string | null;
  children: (name: string) => ReactNode;
}

/** Shows something by a person's name: as the catalog has it where there is one, else the ref in short. */
export function PersonName({ person, children }: PersonNameProps) {
  const { around } = usePages();
  const short = useValueName()('person', person);
  // A pseudonym is nobody in the catalog.
  if (around.kind === 'alone' || person === null || !parseEntityRef(person)) return <>{children(short)}</>;
  return <around.Named entityRef={person}>{children}</around.Named>;
}
