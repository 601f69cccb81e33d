import { keepPreviousData, skipToken, useQuery } from '@tanstack/react-query';
import type { Answer, Column, Query } from '../api/query';
import { usePages } from './PagesContext';

/** How far a question has come. */
export interface Asked<C extends Column> {
  /** The answer; while a changed question is under way the one to the question before. */
  answer: Answer<C> | undefined;
  /** Whether `answer` is still the one before. */
  isStale: boolean;
  error: Error | null;
  again: () => void;
}

/** Ask a question and keep its answer current; null: there is nothing to ask yet. */
export function useAnswer<C extends Column>(query: Query<C> | null): Asked<C> {
  const { client } = usePages();
  const { data, isPlaceholderData, error, refetch } = useQuery({
    queryKey: ['query', query],
    queryFn: query ? ({ signal }) => client.query(query, signal) : skipToken,
    placeholderData: keepPreviousData,
  });
  return { answer: data, isStale: isPlaceholderData, error, again: () => void refetch() };
}
