import { createClient, type AnalyticsClient } from '../../api/client';
import type { DeadLetter, Destination, DestinationState } from '../../api/destinations';
import { configuration } from './testPages';

const settled = {
  type: 'webhook',
  to: 'https://siem.example/hook',
  is_configured: true,
  filters: null,
  people: 'pseudonymous',
  stopped_because: null,
  start_position: 0,
  position: 100,
  head: 100,
  stored: 100,
  delivered: 80,
  filtered: 20,
  dead: 0,
  missing: 0,
  redelivered: 0,
  failed_attempts: 0,
  dead_letters: 0,
  queued_dead_letters: 0,
  lag_events: 0,
  lag_seconds: 0,
  delivered_at: '2026-11-25T01:04:05.000Z',
  last_error: null,
  replays: [],
} as const satisfies Partial<Destination>;

/** A destination that has had its 100 events, unless told otherwise. */
export function destination(
  name: string,
  state: DestinationState = 'up_to_date',
  changes: Partial<Destination> = {},
): Destination {
  return { ...settled, replays: [], name, state, ...changes };
}

/** A dead letter that the receiver answered with 422. */
export function deadLetter(position: number, changes: Partial<DeadLetter> = {}): DeadLetter {
  return {
    position,
    event_id: `id-${position}`,
    reason: 'refused',
    detail: '422 Unprocessable Entity',
    status: 422,
    answer: '{"error": "unknown field"}',
    died_at: '2026-11-25T02:00:00.000Z',
    is_queued: false,
    event: { occurred_at: '2026-11-25T01:00:00.000Z', action: 'navigate', subject: '/catalog', user: null },
    ...changes,
  };
}

/** What the service was asked to do: `POST /destinations/audit/pause {…}`. */
export interface Done {
  path: string;
  body: unknown;
}

/** The routes of the service that are about destinations, by `METHOD path`. A function may throw a `Response`. */
export type Routes = Record<string, (url: URL) => unknown>;

/** The real client, asking a stand-in for the service, which has `routes`; and what it was asked to do. */
export function destinationsClient(
  routes: Routes,
  may: Partial<typeof configuration.may> = {},
): { client: AnalyticsClient; done: Done[]; asked: string[] } {
  const done: Done[] = [];
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(String(input));
    const path = url.pathname.replace('/api', '');
    const method = init?.method ?? 'GET';
    asked.push(`${method} ${path}`);
    if (path === '/configuration') {
      return Response.json({ ...configuration, may: { ...configuration.may, ...may } });
    }
    if (method === 'POST') {
      done.push({ path, body: typeof init?.body === 'string' ? JSON.parse(init.body) : undefined });
    }
    const route = routes[`${method} ${path}`];
    if (!route) return Response.json({ title: `no ${method} ${path}`, status: 404 }, { status: 404 });
    const answer = route(url);
    return answer instanceof Response ? answer : Response.json(answer);
  };
  return { client: createClient({ baseUrl: () => 'http://service/api', fetch }), done, asked };
}
