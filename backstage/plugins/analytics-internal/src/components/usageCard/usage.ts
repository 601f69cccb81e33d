import type { CountMetric, Query, TimeDimension } from '../../api/query';
import { curve, most, totals, type TotalColumns } from '../../view/questions';
import type { View } from '../../view/view';

/** The questions of the usage card. A view of an entity is a navigation to its page or its documentation. */

const LISTED = 5;
const visits = { action: 'navigate' };

/** The view of the card: one entity, the last 30 days, compared with the 30 days before. */
export function entityView(entityRef: string): View {
  return {
    period: { kind: 'last', last: '30d' },
    isCompared: true,
    filters: [{ dimension: 'entity', operator: 'is', values: [entityRef] }],
  };
}

/** How many views there were, and by how many people. */
export function views(view: View): Query<TotalColumns> {
  return totals(view, visits);
}

/** How many views there were on each day. */
export function viewsByDay(view: View): Query<CountMetric | TimeDimension> {
  return curve(view, 'events', 'time:day', visits);
}

/** The pages of its documentation that were read most. */
export function readPages(view: View): Query<'doc_page' | 'events'> {
  return most(view, 'doc_page', ['events'], LISTED, { ...visits, isDocs: true });
}

/** What was searched for when a result led here. */
export function searchesLeadingHere(view: View): Query<'search_term' | 'events'> {
  return most(view, 'search_term', ['events'], LISTED, { action: 'discover' });
}

/** Who looked at it most. */
export function readers(view: View): Query<'person' | 'events'> {
  return most(view, 'person', ['events'], LISTED, visits);
}

/** A page of documentation as it is called within its own: `runbooks/on-call`; empty for the first one. */
export function docPageName(docPage: string): string {
  return docPage.split('/').slice(5).join('/');
}
