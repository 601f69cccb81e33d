import { ConfigReader } from '@backstage/core-app-api';
import { type DiscoveryApi, type IdentityApi } from '@backstage/core-plugin-api';
import { type AnalyticsInternalApi } from '../AnalyticsInternalApi';
import { type CapturedEvent } from '../moment';
import { FakeLocks } from './FakeLocks';
import { FakeService } from './FakeService';

let locks = new FakeLocks();
let listeners: Parameters<typeof window.removeEventListener>[] = [];

/** The signed-in user, or nobody yet. */
export class FakeIdentity {
  private signedIn!: (user: string) => void;
  private readonly user = new Promise<string>((resolve) => {
    this.signedIn = resolve;
  });
  token: string | undefined = 'token-1';
  tokensAsked = 0;
  isBroken = false;

  /** As in Backstage, everything waits for this. */
  signIn(user: string) {
    this.signedIn(user);
  }

  readonly api = {
    getBackstageIdentity: async () => ({
      type: 'user',
      userEntityRef: await this.user,
      ownershipEntityRefs: [],
    }),
    getCredentials: async () => {
      await this.user;
      this.tokensAsked++;
      if (this.isBroken) throw new Error('the session cannot be renewed');
      return { token: this.token };
    },
  } as unknown as IdentityApi;
}

/** A tab of the portal, which captures what its plugins report. */
export class Tab {
  readonly identity = new FakeIdentity();
  private api!: AnalyticsInternalApi;
  private readonly lock: string;
  private isGone = false;

  constructor(settings: object = {}, user?: string) {
    if (user) this.identity.signIn(user);
    const discoveryApi: DiscoveryApi = {
      // A closed tab does nothing.
      getBaseUrl: (pluginId) =>
        this.isGone ? new Promise(() => {}) : Promise.resolve(`http://portal/api/${pluginId}`),
    };
    const config = new ConfigReader({ app: { analytics: { internal: settings } } });
    // Each page has a copy of the module's state.
    jest.isolateModules(() => {
      const loaded: typeof import('../AnalyticsInternalApi') = require('../AnalyticsInternalApi');
      this.api = loaded.AnalyticsInternalApi.fromConfig(config, {
        identityApi: this.identity.api,
        discoveryApi,
      });
    });
    this.lock = locks.asked.at(-1) ?? '';
  }

  capture(event: Partial<CapturedEvent>) {
    this.api.captureEvent({ action: 'click', subject: 'Docs', context: { pluginId: 'catalog' }, ...event });
  }

  navigate(subject: string, context: CapturedEvent['context'] = { pluginId: 'catalog' }) {
    this.capture({ action: 'navigate', subject, attributes: {}, context });
  }

  search(subject: string, value?: number) {
    this.capture({ action: 'search', subject, value, context: { pluginId: 'search' } });
  }

  /** Kill the tab: nothing runs any more, and the browser releases all its locks. */
  kill(...tookOver: Tab[]) {
    this.isGone = true;
    for (const { lock } of [this, ...tookOver]) locks.release(lock);
  }
}

/** Opens another tab of the portal, in which `user` is signed in. */
export function openTab(settings: object = {}, user?: string): Tab {
  return new Tab(settings, user);
}

/** A new browser that can reach the service. Its clock stands still until the test moves it. */
export function openBrowser(): FakeService {
  localStorage.clear();
  sessionStorage.clear();
  forgetTabs();
  const service = new FakeService();
  locks = new FakeLocks();
  globalThis.fetch = service.fetch as typeof fetch;
  Object.defineProperty(navigator, 'locks', { value: locks, configurable: true });
  jest.useFakeTimers({ now: new Date('2026-11-24T09:00:00Z'), doNotFake: ['queueMicrotask', 'nextTick'] });
  return service;
}

/** Detaches the tabs of the previous test. */
function forgetTabs() {
  listeners.forEach((given) => window.removeEventListener(...given));
  listeners = [];
  const add = EventTarget.prototype.addEventListener;
  jest.spyOn(window, 'addEventListener').mockImplementation((type: string, listener: any, options?: any) => {
    listeners.push([type, listener, options]);
    add.call(window, type, listener, options);
  });
}

/** Lets milliseconds pass, and runs what is due. */
export async function pass(ms: number) {
  await jest.advanceTimersByTimeAsync(ms);
}

/** The names of the events that wait in the browser. */
export function waiting(): string[] {
  return Object.keys(localStorage).filter((name) => name.startsWith('analytics-internal.event:'));
}

/** Lets the person do something: move the pointer, press a key, click. */
export function act(type: 'pointermove' | 'pointerdown' | 'keydown' | 'click' | 'scroll' | 'popstate') {
  window.dispatchEvent(new Event(type));
}

/** The page is left: by another address, or because the tab is closed. */
export function leavePage() {
  window.dispatchEvent(new Event('pagehide'));
}

/** Hides the page, or shows it again. */
export function setHidden(isHidden: boolean) {
  Object.defineProperty(document, 'hidden', { value: isHidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
}
