import type { ReactNode } from 'react';
import { usePages } from '../context/PagesContext';
import { EntityName } from './EntityName';

export interface PersonNameProps {
  /** null: the unknown person. */
  person: string | null;
  children: (name: string) => ReactNode;
}

/** Renders its children with a person's name. */
export function PersonName({ person, children }: PersonNameProps) {
  const { t } = usePages();
  if (person === null) return <>{children(t('none.person'))}</>;
  return <EntityName entityRef={person}>{children}</EntityName>;
}
