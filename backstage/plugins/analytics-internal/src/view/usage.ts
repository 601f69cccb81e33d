import type { CountMetric, Query, TimeDimension } from '../api/query';
import { curve, most, totals, type TotalColumns } from './questions';
import type { View } from './view';

/** The questions of an entity's usage card. A view of an entity is a navigation to its page or to its documentation. */

const LISTED = 5;
const visits = { action: 'navigate' };

/** What the card looks at: one entity, the last 30 days, compared with the 30 before. */
export function entityView(entityRef: string): View {
  return {
    period: { kind: 'last', last: '30d' },
    isCompared: true,
    filters: [{ dimension: 'entity', operator: 'is', values: [entityRef] }],
  };
}

/** How often, and by how many people. */
export function views(view: View): Query<TotalColumns> {
  return totals(view, visits);
}

/** How often on each day. */
export function viewsByDay(view: View): Query<CountMetric | TimeDimension> {
  return curve(view, 'events', 'time:day', visits);
}

/** The pages of its documentation that were read most. */
export function readPages(view: View): Query<'doc_page' | 'events'> {
  return most(view, 'doc_page', LISTED, { ...visits, isDocs: true });
}

/** What was searched for when a result led here. */
export function searchesLeadingHere(view: View): Query<'search_term' | 'events'> {
  return most(view, 'search_term', LISTED, { action: 'discover' });
}

/** Who looked at it most. */
export function readers(view: View): Query<'person' | 'events'> {
  return most(view, 'person', LISTED, visits);
}

/** A page of documentation as it is called within its own: `runbooks/on-call`; empty for the first one. */
export function docPageName(docPage: string): string {
  return docPage.split('/').slice(5).join('/');
}
