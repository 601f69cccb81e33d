import { useEffect } from 'react';
import { ProblemError } from '../../api/problem';
import type { Column, Query } from '../../api/query';
import { useAnswer, type Asked } from '../context/useAnswer';

/**
 * Ask for one page of an answer. A cursor that the service no longer knows, such as one of an old link, leads to the
 * first page and not to an error.
 */
export function useCurrentCursor<C extends Column>(query: Query<C>, toFirstPage: () => void): Asked<C> {
  const asked = useAnswer(query);
  const isOutdated =
    Boolean(query.cursor) && asked.error instanceof ProblemError && asked.error.concerns('cursor');
  useEffect(() => {
    if (isOutdated) toFirstPage();
    // `toFirstPage` is another function in each render, but always does the same.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isOutdated]);
  return isOutdated ? { ...asked, error: null } : asked;
}
