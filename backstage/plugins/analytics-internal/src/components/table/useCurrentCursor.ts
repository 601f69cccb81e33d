import { useEffect } from 'react';
import { ProblemError } from '../../api/problem';
import type { Column, Query } from '../../api/query';
import { useAnswer, type Asked } from '../context/useAnswer';

/**
 * Ask for a page of an answer. A cursor that the service no longer knows, as an old link has it, leads to the
 * first page instead of to an error.
 */
export function useCurrentCursor<C extends Column>(query: Query<C>, toFirstPage: () => void): Asked<C> {
  const asked = useAnswer(query);
  const isOutdated =
    Boolean(query.cursor) && asked.error instanceof ProblemError && asked.error.concerns('cursor');
  useEffect(() => {
    if (isOutdated) toFirstPage();
    // The way to the first page is the same whichever function names it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isOutdated]);
  return isOutdated ? { ...asked, error: null } : asked;
}
