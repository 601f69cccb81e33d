import type { ReactNode } from 'react';
import type { Query } from '../../api/query';
import { most } from '../../view/questions';
import { defaultView, type View } from '../../view/view';
import { TitlesProvider } from '../context/titles';
import { useAnswer } from '../context/useAnswer';
import { useView } from '../context/useView';

/** The values that a view is filtered by, used or not, for their titles; null: it is filtered by none. */
export function filteredBy<D extends 'entity' | 'person'>(
  { filters }: View,
  dimension: D,
): Query<D | 'events'> | null {
  const named = filters.filter((filter) => filter.dimension === dimension && filter.operator !== 'contains');
  const values = named.flatMap((filter) => filter.values).filter((value) => value !== null);
  if (values.length === 0) return null;
  const view: View = {
    ...defaultView,
    period: { kind: 'all' },
    filters: [{ operator: 'is', dimension, values }],
  };
  return { ...most(view, dimension, ['events'], 1000), unused: 'include' };
}

/** Gives what is below it the titles of the entities and people that the view is filtered by. */
export function FilterTitles({ children }: { children: ReactNode }) {
  const { view } = useView();
  const entities = useAnswer(filteredBy(view, 'entity'));
  const people = useAnswer(filteredBy(view, 'person'));
  return (
    <TitlesProvider answer={entities.answer}>
      <TitlesProvider answer={people.answer}>{children}</TitlesProvider>
    </TitlesProvider>
  );
}
