import { type FakeService } from './__testUtils__/FakeService';
import { openBrowser, pass, setHidden, openTab, type Tab, waiting, leavePage } from './__testUtils__/tabs';

const ana = 'user:default/ana';
let service: FakeService;

beforeEach(() => {
  service = openBrowser();
});

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('what is sent', () => {
  it('is the event with an id, its time, the session and the person', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({ action: 'click', subject: 'Docs', value: 3, attributes: { to: '/docs' } });
    await pass(5_000);
    expect(service.requests).toHaveLength(1);
    expect(service.requests[0]).toMatchObject({
      url: 'http://portal/api/analytics-internal/events',
      token: 'Bearer token-1',
      sentAt: '2026-11-24T09:00:05.000Z',
    });
    const { id, sessionId, ...event } = service.events[0]!;
    expect(event).toEqual({
      occurredAt: '2026-11-24T09:00:00.000Z',
      action: 'click',
      subject: 'Docs',
      value: 3,
      attributes: { to: '/docs' },
      context: { pluginId: 'catalog' },
      user: ana,
    });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(sessionId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('carries the environment in its context, and the event itself is left as it was', async () => {
    const tab = openTab({ environment: 'production' }, ana);
    await pass(0);
    const event = Object.freeze({
      action: 'click',
      subject: 'Docs',
      attributes: Object.freeze({ to: '/docs' }),
      context: Object.freeze({ pluginId: 'catalog' }),
    });
    tab.capture(event);
    await pass(5_000);
    expect(service.events[0]!.context).toEqual({ pluginId: 'catalog', environment: 'production' });
  });

  it('is what the event said when it happened, whatever becomes of it', async () => {
    const tab = openTab();
    const attributes = { to: '/docs' };
    tab.capture({ attributes });
    attributes.to = '/elsewhere';
    tab.identity.signIn(ana);
    await pass(5_000);
    expect(service.events[0]!.attributes).toEqual({ to: '/docs' });
  });

  it('goes without a token where the portal has none to give', async () => {
    const tab = openTab({}, ana);
    tab.identity.token = undefined;
    tab.capture({});
    await pass(5_000);
    expect(service.requests[0]!.token).toBeNull();
    expect(service.events[0]!.user).toBe(ana);
  });

  it.each([
    ['https://collector.example', 'https://collector.example/api/analytics-internal/events'],
    ['https://collector.example/', 'https://collector.example/api/analytics-internal/events'],
    ['https://collector.example/ingest', 'https://collector.example/ingest'],
  ])('goes to the host %s of the config at %s', async (host, address) => {
    const tab = openTab({ host }, ana);
    tab.capture({});
    await pass(5_000);
    expect(service.requests.map(({ url }) => url)).toEqual([address]);
  });
});

describe('which events are captured', () => {
  it.each([
    [{ actions: ['navigate', 'search'] }, ['/catalog', 'payments']],
    [{ actions: [] }, []],
    [{ excludePlugins: ['search', 'home'] }, ['/catalog', 'Docs']],
    [{ excludePaths: ['/catalog/'] }, []],
    [{ excludePaths: ['/cat'] }, ['/catalog', 'Docs', 'payments']],
    [{ excludePaths: ['/docs'] }, ['/catalog', 'payments']],
    [{ enabled: false }, []],
  ])('is decided by the settings %j', async (settings, subjects) => {
    const tab = openTab(settings, ana);
    await pass(0);
    tab.navigate('/catalog');
    await pass(2_000);
    tab.capture({ attributes: { to: '/docs/default' } });
    tab.search('payments');
    await pass(10_000);
    expect(service.subjects).toEqual(subjects);
  });

  describe('on the pages and in the card of analytics-internal itself', () => {
    const ofThePages = { pluginId: 'analytics-internal' };
    const visit = async (tab: Tab) => {
      await pass(0);
      tab.navigate('/catalog');
      await pass(2_000);
      // The root of the new frontend system reports it too, without a plugin.
      tab.navigate('/analytics-internal', { pluginId: 'app', extensionId: 'app/root' });
      tab.navigate('/analytics-internal', ofThePages);
      await pass(2_000);
      tab.capture({ subject: 'Refresh', context: ofThePages });
      tab.capture({ action: 'search', subject: 'pay', context: ofThePages });
      await pass(2_000);
      tab.navigate('/docs', { pluginId: 'techdocs' });
      await pass(10_000);
    };

    it('nothing is captured', async () => {
      await visit(openTab({}, ana));
      expect(service.subjects).toEqual(['/catalog', '/docs']);
    });

    it('nothing is captured where other plugins are left out too', async () => {
      await visit(openTab({ excludePlugins: ['home'] }, ana));
      expect(service.subjects).toEqual(['/catalog', '/docs']);
    });

    it('everything is where that is asked for', async () => {
      await visit(openTab({ metricsPages: true }, ana));
      expect(service.subjects).toEqual(['/catalog', '/analytics-internal', 'Refresh', 'pay', '/docs']);
    });
  });

  it('none for somebody who has opted out', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    localStorage.setItem('analytics-internal.opt-out', 'true');
    tab.capture({});
    await pass(10_000);
    expect(service.requests).toHaveLength(0);
  });

  it('a sampled session as a whole, and the others not at all', async () => {
    const sizes: number[] = [];
    for (let session = 0; session < 100; session++) {
      localStorage.clear();
      service.stored.clear();
      const tab = openTab({ sampling: 0.3 }, ana);
      await pass(0);
      for (let event = 0; event < 5; event++) tab.capture({ subject: String(event) });
      await pass(5_000);
      sizes.push(service.stored.size);
    }
    const captured = sizes.filter((size) => size === 5).length;
    expect(sizes.filter((size) => size === 0)).toHaveLength(100 - captured);
    expect(captured).toBeGreaterThan(5);
    expect(captured).toBeLessThan(60);
  });
});

describe('when events are sent', () => {
  it('together after the interval', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({ subject: 'one' });
    await pass(4_000);
    tab.capture({ subject: 'two' });
    expect(service.requests).toHaveLength(0);
    await pass(1_000);
    expect(service.requests.map(({ events }) => events.length)).toEqual([2]);
    await pass(60_000);
    expect(service.requests).toHaveLength(1);
  });

  it('at once when a batch of them waits', async () => {
    const tab = openTab({ batchSize: 3, flushInterval: 60 }, ana);
    await pass(0);
    tab.capture({});
    tab.capture({});
    await pass(0);
    expect(service.requests).toHaveLength(0);
    tab.capture({});
    await pass(0);
    expect(service.requests.map(({ events }) => events.length)).toEqual([3]);
  });

  it('in no more than a request per batch or interval, however fast they come', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    for (let event = 0; event < 400; event++) {
      tab.capture({ subject: String(event) });
      await pass(25); // 10 s in all
    }
    await pass(5_000);
    expect(service.stored.size).toBe(400);
    expect(service.requests.length).toBeLessThanOrEqual(400 / 20 + 3);
  });

  it('not before somebody has signed in, and then all of them in order', async () => {
    const tab = openTab();
    tab.capture({ subject: 'before' });
    await pass(20 * 60_000);
    expect(service.requests).toHaveLength(0);
    tab.identity.signIn(ana);
    await pass(0);
    tab.capture({ subject: 'after' });
    await pass(5_000);
    expect(service.subjects).toEqual(['before', 'after']);
    expect(service.events[0]!.occurredAt).toBe('2026-11-24T09:00:00.000Z');
  });

  it('with the token of the moment', async () => {
    const tab = openTab({}, ana);
    tab.capture({});
    await pass(5_000);
    tab.identity.token = 'token-2';
    tab.capture({});
    await pass(5_000);
    expect(service.requests.map(({ token }) => token)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });
});

describe('the page is left', () => {
  it('what waits is sent by requests that outlive it, within what the browser allows', async () => {
    const tab = openTab({ flushInterval: 900, batchSize: 900 }, ana);
    await pass(0);
    for (let event = 0; event < 300; event++)
      tab.capture({ subject: `Übersicht ${event} ${'x'.repeat(200)}` });
    window.dispatchEvent(new Event('pagehide'));
    await pass(0);
    const [request] = service.requests;
    expect(service.requests).toHaveLength(1);
    expect(request!.isOutliving).toBe(true);
    expect(request!.bytes).toBeLessThanOrEqual(32_000);
    expect(request!.events.length).toBeGreaterThan(50);
    expect(waiting()).toHaveLength(300 - request!.events.length);
  });

  it('what is captured as late as that is sent too', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({ subject: 'before' });
    window.dispatchEvent(new Event('pagehide'));
    setHidden(true);
    tab.navigate('/last');
    await pass(0);
    setHidden(false);
    expect(service.subjects).toEqual(['before', '/last']);
    expect(service.receivedIds).toHaveLength(2);
  });

  it('what is on its way already is not sent twice', async () => {
    let answer = () => {};
    service.reply = () => new Promise((resolve) => (answer = () => resolve(undefined)));
    const tab = openTab({}, ana);
    tab.capture({ subject: 'under way' });
    await pass(5_000);
    tab.capture({ subject: 'waits' });
    setHidden(true);
    window.dispatchEvent(new Event('pagehide'));
    setHidden(false);
    answer();
    await pass(0);
    expect(service.requests.map(({ events }) => events.map(({ subject }) => subject))).toEqual([
      ['under way'],
      ['waits'],
    ]);
  });

  it('what was captured before anybody signed in is kept for the next page in the same tab', async () => {
    const tab = openTab();
    tab.capture({ subject: 'Sign in' });
    leavePage();
    tab.kill();
    const next = openTab({}, ana);
    await pass(0);
    next.navigate('/docs');
    await pass(5_000);
    expect(service.subjects).toEqual(['Sign in', '/docs']);
    expect(sessionStorage.getItem('analytics-internal.held')).toBeNull();
  });
});

describe('the portal', () => {
  it('notices nothing of an event that cannot be sent', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation();
    const tab = openTab({}, ana);
    await pass(0);
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    tab.capture({ attributes: loop as never });
    tab.capture({ subject: 'fine' });
    await pass(5_000);
    expect(service.subjects).toEqual(['fine']);
    expect(warn.mock.calls[0]!.slice(0, 2)).toEqual(['analytics-internal:', 'not captured']);
  });

  it('may forbid storage: events are kept in memory and sent', async () => {
    jest.spyOn(window, 'localStorage', 'get').mockImplementation(() => {
      throw new DOMException('Access is denied for this document.', 'SecurityError');
    });
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({ subject: 'one' });
    tab.capture({ subject: 'two' });
    await pass(60_000);
    expect(service.subjects).toEqual(['one', 'two']);
    expect(service.receivedIds).toHaveLength(2);
    expect(new Set(service.events.map(({ sessionId }) => sessionId)).size).toBe(1);
  });

  it('may have no room left in its storage: events are kept in memory and sent', async () => {
    for (let size = 5_000_000; size > 0; size >>= 1) {
      try {
        localStorage.setItem(`of-others-${size}`, 'x'.repeat(size));
      } catch {
        // Half of it may still fit.
      }
    }
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({ subject: 'one' });
    expect(waiting()).toHaveLength(0);
    await pass(60_000);
    expect(service.subjects).toEqual(['one']);
    expect(service.receivedIds).toHaveLength(1);
  });

  it('hears on the console what happens when it is asked for', async () => {
    const debug = jest.spyOn(console, 'debug').mockImplementation();
    const tab = openTab({ debug: true }, ana);
    tab.capture({});
    await pass(5_000);
    expect(debug).toHaveBeenCalledWith('analytics-internal:', 'sent', 1, [
      expect.objectContaining({ status: 'stored' }),
    ]);
  });
});
