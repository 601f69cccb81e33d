import { hashKey, skipToken, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ProblemError } from '../../api/problem';
import type { Answer, Column, Query } from '../../api/query';
import { namesPeople } from '../../view/questions';
import { usePages } from './PagesContext';
import { PEOPLE_READ, type Permission } from './permission';
import { useConfiguration } from './useConfiguration';

/** The state of a question. */
export interface Asked<C extends Column> {
  /** The answer; until a changed question is answered, the answer to the question before. */
  answer: Answer<C> | undefined;
  /** Whether `answer` is still the one to the question before. */
  isStale: boolean;
  error: Error | null;
  /** The permission that is missing, without which the question is not asked; null: none is missing. */
  lacks: Permission | null;
  again: () => void;
}

interface Answered<C extends Column> {
  question: string;
  answer: Answer<C>;
}

/**
 * Ask a question at the position of the view, and again whenever that is renewed; null: there is nothing to ask yet.
 * A question that has a position keeps it. One that names people is not asked without the permission to read names.
 */
export function useAnswer<C extends Column>(query: Query<C> | null): Asked<C> {
  const { client } = usePages();
  const queryClient = useQueryClient();
  const { configuration, answeredAt, isRenewed, again, renewed } = useConfiguration();
  const question = hashKey([query]);
  const isReady = answeredAt !== null && configuration?.first_day !== null;
  const lacks = query && configuration?.may.people === false && namesPeople(query) ? PEOPLE_READ : null;
  const mayAsk = isReady && lacks === null;
  const asked = query && mayAsk && configuration ? { position: configuration.position, ...query } : null;

  /** The newest answer to this question, at any position. */
  function latest(): Answered<C> | undefined {
    const cached = queryClient.getQueryCache().findAll({ queryKey: ['query', question] });
    return cached
      .filter(({ state }) => state.data !== undefined)
      .sort((one, other) => other.state.dataUpdatedAt - one.state.dataUpdatedAt)[0]?.state.data as
      Answered<C> | undefined;
  }

  const { data, isPlaceholderData, error, refetch } = useQuery<Answered<C>>({
    queryKey: ['query', question, asked && answeredAt, asked?.position],
    queryFn: asked
      ? async ({ signal }) => ({ question, answer: await client.query(asked, signal) })
      : skipToken,
    placeholderData: (previous) => latest() ?? previous,
    // An answer at one position does not change. A newer configuration has a newer position.
    staleTime: Infinity,
  });

  // Renew once only: if the service does not know the position it has just named, renewing would never end.
  const isBeyondLog = error instanceof ProblemError && error.isBeyondLog;
  const isRenewing = isBeyondLog && !isRenewed;
  useEffect(() => {
    // The page asks for the configuration too, and shows this error.
    if (isRenewing) renewed().catch(() => undefined);
    // All panels share one request, whichever of them starts it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [isRenewing]);

  return {
    answer: data?.answer,
    isStale: isPlaceholderData && data.question !== question,
    error: isRenewing ? null : error,
    lacks,
    again: isBeyondLog ? again : () => void refetch(),
  };
}
