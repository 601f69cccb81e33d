import {
  analyticsApiRef,
  createFrontendModule,
  createTranslationMessages,
  fetchApiRef,
  type FrontendFeature,
} from '@backstage/frontend-plugin-api';
import { mockApis, renderTestApp } from '@backstage/frontend-test-utils';
import { TranslationBlueprint } from '@backstage/plugin-app-react';
import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import plugin from '..';
import type { Answer, Configuration, Query } from '../api/query';
import { answerTo } from '../components/__testUtils__/testPages';
import { serviceFetch } from './__testUtils__/service';
import { analyticsInternalTranslationRef } from './translation';

interface Shown {
  address?: string;
  language?: string;
  features?: FrontendFeature[];
  configuration?: Partial<Configuration>;
  answer?: (query: Query) => Answer;
  formatDateToShort?: boolean;
}

/** Show an app of the new system with the plugin in it. */
function showApp({
  address = '/analytics-internal',
  language,
  features = [],
  configuration,
  answer,
  formatDateToShort,
}: Shown = {}) {
  const service = serviceFetch(configuration, answer);
  const analytics = mockApis.analytics();
  const languages = { defaultLanguage: language, availableLanguages: ['en', 'pt-BR'] };
  renderTestApp({
    features: [plugin, ...features],
    initialRouteEntries: [address],
    apis: [
      [fetchApiRef, { fetch: service.fetch }],
      [analyticsApiRef, analytics],
    ],
    config: {
      app: {
        baseUrl: 'http://localhost:3000',
        extensions: language ? [{ 'api:app/app-language': { config: languages } }] : [],
      },
      backend: { baseUrl: 'http://localhost:7007' },
      ...(formatDateToShort !== undefined && { analyticsInternal: { formatDateToShort } }),
    },
  });
  return { ...service, captured: () => analytics.getEvents() };
}

describe('in the new frontend system', () => {
  // The app remembers the language.
  beforeEach(() => localStorage.clear());

  it('asks the service where discovery says it is', async () => {
    const { asked } = showApp();
    expect(await screen.findByText('1–2 of 1,934')).toBeInTheDocument();
    const addresses = new Set(asked.map(({ url }) => url));
    expect([...addresses].sort()).toEqual([
      'http://localhost:7007/api/analytics-internal/configuration',
      'http://localhost:7007/api/analytics-internal/query',
    ]);
  });

  it('leads to the metrics from the navigation', async () => {
    showApp({ address: '/' });
    await userEvent.click(await screen.findByRole('link', { name: 'Metrics' }));
    expect(await screen.findByRole('heading', { name: 'Metrics', level: 2 })).toBeInTheDocument();
  });

  it('leads from the log to the details and back', async () => {
    showApp({ address: '/analytics-internal?period=90d' });
    const [details] = await screen.findAllByRole('link', { name: 'View details of navigate /catalog' });
    expect(details).toHaveAttribute('href', '/analytics-internal/items/1?period=90d');
    await userEvent.click(details!);
    expect(await screen.findByRole('heading', { name: 'Activity details' })).toBeInTheDocument();
    const ways = screen.getAllByRole('link', { name: 'Metrics' }).map((link) => link.getAttribute('href'));
    expect(ways).toContain('/analytics-internal?period=90d');
  });

  it('begins the details at their top, and leaves a filtered page where it is', async () => {
    const root = document.documentElement;
    showApp();
    const log = within(await screen.findByRole('region', { name: 'Activity Log' }));
    root.scrollTop = 900;
    await userEvent.click((await log.findAllByRole('link', { name: 'navigate' }))[0]!);
    expect(root.scrollTop).toBe(900);
    await userEvent.click((await screen.findAllByRole('link', { name: /^View details of navigate/ }))[0]!);
    expect(await screen.findByRole('heading', { name: 'Activity details' })).toBeInTheDocument();
    expect(root.scrollTop).toBe(0);
  });

  it('shows the time of an access in the log where that is configured', async () => {
    showApp({ formatDateToShort: false });
    const log = await screen.findByRole('region', { name: 'Activity Log' });
    expect(await within(log).findAllByText('07/16/2026, 12:44:14 PM')).not.toHaveLength(0);
  });

  it('links into the portal that it is in, without leaving it', async () => {
    showApp();
    const log = await screen.findByRole('region', { name: 'Activity Log' });
    const link = await within(log).findByRole('link', { name: '/catalog' });
    expect(link).toHaveAttribute('href', '/catalog');
    expect(link).not.toHaveAttribute('target');
  });

  it('speaks the portal’s language', async () => {
    showApp({ language: 'pt-BR' });
    expect(await screen.findByRole('heading', { name: 'Métricas' })).toBeInTheDocument();
    expect(await screen.findByRole('region', { name: 'Log de Atividades' })).toBeInTheDocument();
  });

  it('speaks of a million as Portuguese does', async () => {
    const count = { value: 1_000_000 };
    const million = { events: count, people: count, items: count };
    const answer = (query: Query): Answer => {
      const answered = answerTo(query);
      return { ...answered, results: answered.results.map((row) => ({ ...row, ...million })) };
    };
    showApp({ language: 'pt-BR', answer });
    expect(await screen.findByText(/1\.000\.000 eventos, 1\.000\.000 pessoas/)).toBeInTheDocument();
  });

  it('says what the portal wants said', async () => {
    const words = TranslationBlueprint.make({
      name: 'words',
      params: {
        resource: createTranslationMessages({
          ref: analyticsInternalTranslationRef,
          messages: { 'page.metrics': 'How we are doing' },
        }),
      },
    });
    showApp({ features: [createFrontendModule({ pluginId: 'app', extensions: [words] })] });
    expect(await screen.findByRole('heading', { name: 'How we are doing' })).toBeInTheDocument();
  });

  it('lets no name become the subject of a click', async () => {
    const { captured } = showApp();
    const panel = async (name: string) => within(await screen.findByRole('region', { name }));
    const [action] = await (await panel('Activity Log')).findAllByRole('link', { name: 'navigate' });
    await userEvent.click(action!);
    const person = await (await panel('Actions Performed (Total)')).findByRole('link', { name: 'ana' });
    await userEvent.click(person);
    const clicks = captured().filter((event) => event.action === 'click');
    expect(clicks.map(({ subject }) => subject)).toEqual(['navigate']);
  });

  it('says how the module is added before the first event', async () => {
    showApp({ configuration: { first_day: null } });
    expect(await screen.findByText(/createApp\(\{ features: \[analyticsModule\] \}\)/)).toBeInTheDocument();
  });

  it('leads administrators from the metrics to the destinations and back', async () => {
    showApp();
    const link = await screen.findByRole('link', { name: 'Destinations' });
    expect(link).toHaveAttribute('href', '/analytics-internal/destinations');
    await userEvent.click(link);
    expect(await screen.findByRole('heading', { name: 'Destinations' })).toBeInTheDocument();
    expect(await screen.findByText(/^analyticsInternal:\s+destinations:/)).toBeInTheDocument();
    await userEvent.click(screen.getAllByRole('link', { name: 'Metrics' }).at(-1)!);
    expect(await screen.findByRole('region', { name: 'Activity Log' })).toBeInTheDocument();
  });

  it('says in Portuguese which permission the destinations need', async () => {
    const may = { read: true, people: true, admin: false };
    showApp({ address: '/analytics-internal/destinations', language: 'pt-BR', configuration: { may } });
    const note = await screen.findByRole('note');
    expect(note).toHaveTextContent(/^Os destinos são mostrados.*analytics-internal\.admin/);
  });

  it('says that there is no page where there is none', async () => {
    showApp({ address: '/analytics-internal/nowhere' });
    expect(await screen.findByText(/PAGE NOT FOUND/)).toBeInTheDocument();
  });
});
