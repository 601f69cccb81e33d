import { createDestinationsClient, type DestinationsClient } from './destinations';
import { problemOf } from './problem';
import type { Answer, Column, Configuration, Query } from './query';

/**
 * What can be asked of the service, as whoever is signed in.
 *
 * @public
 */
export interface AnalyticsClient {
  /**
   * Answer one question.
   *
   * Rejects with a `ProblemError` where the service objected, with a `TypeError` where it was not reached.
   */
  query<C extends Column>(query: Query<C>, signal?: AbortSignal): Promise<Answer<C>>;
  /** Every row of a question's answer as CSV, for a spreadsheet. */
  csv(query: Query): Promise<Blob>;
  /** What there is to know before asking: the reporting time zone, the newest position, what the caller may do. */
  configuration(signal?: AbortSignal): Promise<Configuration>;
  /** Where events are forwarded to. */
  destinations: DestinationsClient;
}

export interface ClientOptions {
  /** Where the service's routes begin, without a slash at the end; asked for before each request. */
  baseUrl: () => Promise<string> | string;
  /** `window.fetch`, or one that adds the caller's token. */
  fetch: typeof fetch;
}

/** A client of the service at `baseUrl`. */
export function createClient({ baseUrl, fetch }: ClientOptions): AnalyticsClient {
  async function ask(path: string, init: RequestInit): Promise<Response> {
    const response = await fetch(`${await baseUrl()}${path}`, init);
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  function put(path: string, query: Query, accept: string, signal?: AbortSignal): Promise<Response> {
    return ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify(query),
      signal: signal ?? null,
    });
  }

  return {
    async query<C extends Column>(query: Query<C>, signal?: AbortSignal): Promise<Answer<C>> {
      const response = await put('/query', query, 'application/json', signal);
      return (await response.json()) as Answer<C>;
    },
    async csv(query) {
      const response = await put('/query?format=csv', { ...query, limit: null, cursor: null }, 'text/csv');
      return response.blob();
    },
    async configuration(signal) {
      const response = await ask('/configuration', {
        headers: { accept: 'application/json' },
        signal: signal ?? null,
      });
      return (await response.json()) as Configuration;
    },
    destinations: createDestinationsClient(ask),
  };
}
