import { hashKey, skipToken, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ProblemError } from '../../api/problem';
import type { Answer, Column, Query } from '../../api/query';
import { namesPeople } from '../../view/questions';
import { usePages } from './PagesContext';
import { PEOPLE_READ, type Permission } from './permission';
import { useConfiguration } from './useConfiguration';

/** How far a question has come. */
export interface Asked<C extends Column> {
  /** The answer; while a changed question is under way the one to the question before. */
  answer: Answer<C> | undefined;
  /** Whether `answer` is still the one to the question before. */
  isStale: boolean;
  error: Error | null;
  /** The permission without which this is not asked; null: there is no such obstacle. */
  lacks: Permission | null;
  again: () => void;
}

interface Answered<C extends Column> {
  question: string;
  answer: Answer<C>;
}

/**
 * Ask a question as of the page view's position, and again whenever that is renewed; null: there is nothing to ask
 * yet. A question about a place in an answer keeps the position it has. One that names people is not asked for whoever
 * may not read names.
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

  /** The newest answer to this question, of whichever position. */
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
    // It is as of its position. A newer answer is that of a newer configuration.
    staleTime: Infinity,
  });

  // Once for each configuration that was asked for otherwise: were the fresh one's position unknown too, asking on
  // would not end.
  const isBeyondLog = error instanceof ProblemError && error.isBeyondLog;
  const isRenewing = isBeyondLog && !isRenewed;
  useEffect(() => {
    // That it failed is said by the page, which asks for the configuration itself.
    if (isRenewing) renewed().catch(() => undefined);
    // All panels join one request, whoever's function starts it.
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
