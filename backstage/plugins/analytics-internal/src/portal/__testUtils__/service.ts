import type { Answer, Configuration, Query } from '../../api/query';
import { answerTo, configuration } from '../../components/__testUtils__/testPages';

/** What the portal's fetch was called with. */
export interface Asked {
  url: string;
  query: Query | null;
}

/** A `fetch` that answers as the service does, unless told otherwise, and what it was asked. */
export function serviceFetch(
  changes: Partial<Configuration> = {},
  answer: (query: Query) => Answer = answerTo,
): { fetch: typeof fetch; asked: Asked[] } {
  const asked: Asked[] = [];
  return {
    asked,
    fetch: async (input, init) => {
      const url = String(input);
      const query = typeof init?.body === 'string' ? (JSON.parse(init.body) as Query) : null;
      asked.push({ url, query });
      if (url.endsWith('/destinations')) return Response.json({ destinations: [] });
      return Response.json(query ? answer(query) : { ...configuration, ...changes });
    },
  };
}
