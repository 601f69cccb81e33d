import { render, type RenderResult } from '@testing-library/react';
import type { ReactElement } from 'react';
import { MemoryRouter, Route, Routes, useLocation } from 'react-router-dom';
import type { AnalyticsClient } from '../../api/client';
import { createDestinationsClient } from '../../api/destinations';
import type { Answer, Configuration, Item, Query } from '../../api/query';
import { en } from '../../translations/en';
import { createTranslate } from '../../translations/translate';
import type { Pages } from '../context/PagesContext';
import { PagesProvider } from '../context/PagesProvider';

export const configuration: Configuration = {
  time_zone: 'America/Sao_Paulo',
  portal_url: 'https://portal.example',
  today: '2026-11-25',
  first_day: '2026-01-01',
  position: 1,
  version: '0.1.0',
  may: { read: true, people: true, admin: true },
};

export const catalog: Item = { id: 1, action: 'navigate', subject: '/catalog', path: '/catalog' };
export const button: Item = { id: 2, action: 'click', subject: 'Create', path: null };

/** How many questions the metrics page asks, one of them for names. */
export const METRICS_QUESTIONS = 5;

const docs = '/docs/default/component/payments';
const first_access = { value: '2026-07-16T15:44:14.000Z' };
const last_access = { value: '2026-11-25T01:04:05.000Z' };
const period = { from: '2026-10-29', to: '2026-11-25', start: '', end: '', is_complete: false };

/** A small portal's answer to any question the pages ask. */
export function answerTo(query: Query): Answer {
  const events = { value: 348, previous: 300 };
  const people = { value: 47, previous: 3 };
  const [dimension] = query.dimensions;
  const rows = () => {
    if (dimension === 'item') {
      return [catalog, button].map((item) => ({ item, events, people, first_access, last_access }));
    }
    if (dimension === 'person') {
      return ['user:default/ana', null].map((person) => ({ person, events, first_access, last_access }));
    }
    if (dimension === 'doc_page') {
      return ['/runbooks/on-call', ''].map((page) => ({ doc_page: `${docs}${page}`, events }));
    }
    if (dimension === 'search_term') return [{ search_term: 'how to refund', events }];
    if (dimension) return [{ [dimension]: '2026-11-24', events, people }];
    return [{ events, people, items: { value: 12480, previous: 12480 }, last_access }];
  };
  const results = rows();
  const meta = {
    time_zone: configuration.time_zone,
    period,
    previous_period: query.compare ? { ...period, from: '2026-10-01', to: '2026-10-28' } : null,
    complete_until: '2026-11-25T01:04:05.000Z',
    position: query.position ?? configuration.position,
    total_rows: dimension === 'item' ? 1934 : results.length,
    offset: 0,
    next_cursor: dimension === 'item' ? 'next' : null,
    previous_cursor: null,
    titles: {},
    time_labels: dimension?.startsWith('time:')
      ? ['2026-11-24', '2026-11-25'].map((label) => ({
          label,
          previous: query.compare ? { from: '2026-10-27', to: '2026-10-27' } : null,
          is_complete: label !== '2026-11-25',
        }))
      : null,
  };
  return { results, meta, query } as unknown as Answer;
}

/** The same answer with what the catalog calls the refs in it. */
export function titled(titles: Record<string, string>): (query: Query) => Answer {
  return (query) => {
    const answer = answerTo(query);
    return { ...answer, meta: { ...answer.meta, titles } };
  };
}

/** A client that answers as `answerTo` does, unless told otherwise. */
export function testClient(changes: {
  query?: (query: Query) => Answer;
  configuration?: Partial<Configuration> | (() => Partial<Configuration>);
}): AnalyticsClient & { asked: Query[]; downloaded: Query[] } {
  const asked: Query[] = [];
  const downloaded: Query[] = [];
  const answer = changes.query ?? answerTo;
  return {
    asked,
    downloaded,
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws must reject
    query: async (query) => {
      asked.push(query);
      return answer(query);
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws must reject
    csv: async (query) => {
      downloaded.push(query);
      answer(query);
      return new Blob(['csv']);
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws must reject
    configuration: async () => ({
      ...configuration,
      ...(typeof changes.configuration === 'function' ? changes.configuration() : changes.configuration),
    }),
    destinations: createDestinationsClient((path) => Promise.reject(new Error(`nobody answers ${path}`))),
  };
}

function Address() {
  const { pathname, search } = useLocation();
  return <output data-testid="address">{pathname + search}</output>;
}

/** Show a page at an address, and the address beside it for the test to read. */
export function renderPage(
  page: ReactElement,
  client: AnalyticsClient,
  address = '/',
  around: Pages['around'] = { kind: 'alone', serviceUrl: 'http://127.0.0.1:7008' },
): RenderResult {
  const pages = {
    client,
    t: createTranslate(en, 'en'),
    locale: 'en-GB',
    paths: { metrics: '/', destinations: '/destinations', item: (id: number) => `/items/${id}` },
    around,
  };
  return render(
    <MemoryRouter
      initialEntries={[address]}
      future={{ v7_startTransition: true, v7_relativeSplatPath: true }}
    >
      <PagesProvider pages={pages}>
        <Routes>
          <Route path="/" element={page} />
          <Route path="/destinations" element={page} />
          <Route path="/items/:id" element={page} />
        </Routes>
        <Address />
      </PagesProvider>
    </MemoryRouter>,
  );
}
