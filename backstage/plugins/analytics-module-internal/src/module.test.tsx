import { ConfigReader, MultipleAnalyticsApi } from '@backstage/core-app-api';
import { analyticsApiRef, useAnalytics as useLegacyAnalytics } from '@backstage/core-plugin-api';
import {
  type AnalyticsEvent,
  createFrontendModule,
  createFrontendPlugin,
  PageBlueprint,
  useAnalytics,
} from '@backstage/frontend-plugin-api';
import { renderTestApp } from '@backstage/frontend-test-utils';
import { AnalyticsImplementationBlueprint } from '@backstage/plugin-app-react';
import { TestApiProvider } from '@backstage/test-utils';
import { configure, fireEvent, render, screen, waitFor } from '@testing-library/react';
import module from './index';
import { AnalyticsInternalApi } from './legacy';
import { FakeIdentity } from './__testUtils__/tabs';
import { FakeService } from './__testUtils__/FakeService';

const config = {
  app: { baseUrl: 'http://localhost', analytics: { internal: { flushInterval: 0.1 } } },
  backend: { baseUrl: 'http://portal' },
};
// A page that is loaded lazily takes seconds on a busy machine.
configure({ asyncUtilTimeout: 15_000 });
let service: FakeService;

beforeEach(() => {
  localStorage.clear();
  service = new FakeService();
  globalThis.fetch = service.fetch as typeof fetch;
});

const ButtonOf = ({
  analytics,
}: {
  analytics: { captureEvent: (action: string, subject: string) => void };
}) => <button onClick={() => analytics.captureEvent('click', 'Docs')}>Docs</button>;

describe('in the new frontend system', () => {
  // jsdom warns about Material UI's styles.
  beforeEach(() => {
    jest.spyOn(console, 'warn').mockImplementation();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const Page = () => <ButtonOf analytics={useAnalytics()} />;
  const plugin = createFrontendPlugin({
    pluginId: 'catalog',
    extensions: [PageBlueprint.make({ params: { path: '/', loader: async () => <Page /> } })],
  });
  const beside = (captureEvent: (event: AnalyticsEvent) => void) =>
    createFrontendModule({
      pluginId: 'app',
      extensions: [
        AnalyticsImplementationBlueprint.make({
          name: 'beside',
          params: (define) => define({ deps: {}, factory: () => ({ captureEvent }) }),
        }),
      ],
    });

  it('the module sends what happens, beside another implementation that is given the same', async () => {
    const events: AnalyticsEvent[] = [];
    renderTestApp({
      features: [plugin, module, beside((event) => events.push(event))],
      config,
    });
    fireEvent.click(await screen.findByText('Docs'));
    await waitFor(() => expect(service.events.map(({ action }) => action)).toContain('click'));
    const sent = service.events.find(({ action }) => action === 'click')!;
    expect(sent).toMatchObject({
      subject: 'Docs',
      context: { pluginId: 'catalog', extensionId: 'page:catalog' },
    });
    expect(events.find(({ action }) => action === 'click')).toEqual({
      action: 'click',
      subject: 'Docs',
      context: sent.context,
    });
  });

  it('the module sends what happens also when another implementation fails', async () => {
    const failing = () => {
      throw new Error('broken');
    };
    renderTestApp({
      features: [beside(failing), plugin, module],
      config,
    });
    fireEvent.click(await screen.findByText('Docs'));
    await waitFor(() => expect(service.subjects).toContain('Docs'));
  });
});

describe('in the legacy frontend system', () => {
  it('the class sends what happens, beside another implementation', async () => {
    const events: unknown[] = [];
    const identity = new FakeIdentity();
    identity.signIn('user:default/ana');
    const analytics = MultipleAnalyticsApi.fromApis([
      { captureEvent: (event) => events.push(event) },
      AnalyticsInternalApi.fromConfig(new ConfigReader(config), {
        identityApi: identity.api,
        discoveryApi: { getBaseUrl: async (pluginId) => `http://portal/api/${pluginId}` },
      }),
    ]);
    const Page = () => <ButtonOf analytics={useLegacyAnalytics()} />;
    render(
      <TestApiProvider apis={[[analyticsApiRef, analytics]]}>
        <Page />
      </TestApiProvider>,
    );
    fireEvent.click(screen.getByText('Docs'));
    await waitFor(() => expect(service.subjects).toEqual(['Docs']));
    expect(events).toHaveLength(1);
    expect(service.events[0]!.context).toMatchObject({ pluginId: 'root', extension: 'App' });
  });
});
