import type { Column, Metric, Query } from '../../api/query';
import { readPlace, writePlace } from '../../view/place';
import type { Page } from '../../view/questions';
import { readSort, writeSort, type Sort } from '../../view/sort';
import type { Asked } from '../context/useAnswer';
import { useView } from '../context/useView';
import type { PagerProps } from './Pager';
import { useCurrentCursor } from './useCurrentCursor';

/** A long table as the address has it: its sort, and which of its pages. */
export interface SortedPages<C extends Column, M extends Metric> {
  asked: Asked<C>;
  sort: Sort<M>;
  onSort: (sort: Sort<M>) => void;
  /** Whether this is not the first page. */
  isLater: boolean;
  onTurn: PagerProps['onTurn'];
}

/**
 * Ask for the page of a table that the address names, sorted as it says; the service sorts and pages.
 *
 * `metrics`: what it can be sorted by. `first`: how it is sorted where the address says nothing.
 */
export function useSortedPages<C extends Column, M extends Metric>(
  metrics: readonly M[],
  first: Sort<M>,
  question: (page: Page<M>) => Query<C>,
): SortedPages<C, M> {
  const { parameters, set } = useView();
  const sort = readSort(parameters, metrics, first);
  const place = readPlace(parameters);
  const asked = useCurrentCursor(question({ sort, place }), () => set('cursor', null, { isStep: false }));
  const position = asked.answer?.meta.position;
  return {
    asked,
    sort,
    onSort: (next) => set('sort', writeSort(next)),
    isLater: place !== null,
    onTurn: (cursor) =>
      set('cursor', cursor && position !== undefined ? writePlace({ cursor, position }) : null),
  };
}
