// The least of a portal around the real module: config, somebody who signs in, and events, as the test says.
import { ConfigReader } from '@backstage/config';
import { AnalyticsInternalApi } from '../../backstage/plugins/analytics-module-internal/src/legacy';

const asked = new URLSearchParams(location.search);
let signIn = (_: string) => {};
const user = new Promise<string>((resolve) => {
  signIn = resolve;
});
const settings = JSON.parse(asked.get('settings') ?? '{}');
const api = AnalyticsInternalApi.fromConfig(new ConfigReader({ app: { analytics: { internal: settings } } }), {
  identityApi: {
    getBackstageIdentity: async () => ({
      type: 'user',
      userEntityRef: await user,
      ownershipEntityRefs: [],
    }),
    getCredentials: async () => ({ token: `token of ${await user}` }),
    getProfileInfo: async () => ({}),
    signOut: async () => {},
  },
  discoveryApi: { getBaseUrl: async (pluginId) => `${location.origin}/api/${pluginId}` },
});

const capture = (subject: string) =>
  api.captureEvent({ action: 'click', subject, context: { pluginId: 'test', extension: 'App', routeRef: 'test' } });

/** What the portal reports when a page is opened. */
const navigate = (subject: string) =>
  api.captureEvent({ action: 'navigate', subject, attributes: {}, context: { pluginId: 'techdocs', extension: 'App' } });

const portal = {
  signIn,
  capture,
  navigate,
  /** Events that wait in this browser, of all tabs. */
  waiting: () => Object.keys(localStorage).filter((name) => name.startsWith('analytics-internal.event:')).length,
  /** Microseconds that each of so many events takes. */
  measure: (events: number) => {
    const begin = performance.now();
    for (let event = 0; event < events; event++) capture(`measured ${event}`);
    return ((performance.now() - begin) / events) * 1_000;
  },
};
export type Portal = typeof portal;
Object.assign(window, { portal });

const signedIn = asked.get('user');
if (signedIn) signIn(signedIn);
// Backstage holds a navigation back until the page is left, and reports it then.
const late = asked.get('late');
if (late) addEventListener('beforeunload', () => capture(late));
