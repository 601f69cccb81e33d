import { LONGEST_PAUSE_MS, LONGEST_RETRY_AFTER_MS } from './delivery';
import { TIMEOUT_MS } from './post';
import { MAX_AGE_MS, MAX_CHARACTERS, MAX_EVENTS } from './queue';
import { type FakeService } from './__testUtils__/FakeService';
import { openBrowser, pass, openTab, waiting } from './__testUtils__/tabs';

const ana = 'user:default/ana';
const hour = 60 * 60_000;
let service: FakeService;
let warn: jest.SpyInstance;

beforeEach(() => {
  service = openBrowser();
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
  warn = jest.spyOn(console, 'warn').mockImplementation();
});

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

const offline = () => {
  throw new TypeError('Failed to fetch');
};

describe('events are kept and sent later', () => {
  it.each([401, 404, 408, 429, 500, 502, 503])('when the answer is %i', async (status) => {
    service.reply = () => ({ status });
    const tab = openTab({}, ana);
    tab.capture({ subject: 'kept' });
    await pass(10 * 60_000);
    expect(service.stored.size).toBe(0);
    expect(service.requests.length).toBeGreaterThan(5);
    service.reply = () => undefined;
    await pass(LONGEST_PAUSE_MS);
    expect(service.subjects).toEqual(['kept']);
  });

  it('when the answer is not the word of the service', async () => {
    service.reply = () => ({ body: { page: 'sign in' } });
    const tab = openTab({}, ana);
    tab.capture({});
    await pass(60_000);
    expect(waiting()).toHaveLength(1);
  });

  it('when there is no answer within half a minute', async () => {
    const timeouts = jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      const abort = new AbortController();
      setTimeout(() => abort.abort(), ms);
      return abort.signal;
    });
    service.reply = () => new Promise(() => {});
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({});
    await pass(5_000 + TIMEOUT_MS - 1);
    service.reply = () => undefined;
    expect(service.requests).toHaveLength(1);
    await pass(1_001);
    expect(service.stored.size).toBe(1);
    expect(timeouts).toHaveBeenCalledWith(TIMEOUT_MS);
  });

  it('through an hour offline, every one of them, in order', async () => {
    service.reply = offline;
    const tab = openTab({}, ana);
    for (let event = 0; event < 600; event++) {
      tab.capture({ subject: String(event) });
      await pass(hour / 600);
    }
    service.reply = () => undefined;
    window.dispatchEvent(new Event('online'));
    await pass(10_000);
    expect(service.subjects).toEqual(Array.from({ length: 600 }, (_, event) => String(event)));
    expect(waiting()).toHaveLength(0);
  });

  it('with the same ids, so that a lost answer leaves each stored once', async () => {
    service.reply = () => ({ isLost: true });
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({ subject: 'one' });
    tab.capture({ subject: 'two' });
    await pass(5_000);
    service.reply = () => undefined;
    await pass(60_000);
    expect(service.receivedIds).toHaveLength(4);
    expect(service.subjects).toEqual(['one', 'two']);
    expect(waiting()).toHaveLength(0);
  });

  it('by the next page, when this one is closed before', async () => {
    service.reply = offline;
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({ subject: 'left behind' });
    await pass(5_000);
    tab.kill();
    service.reply = () => undefined;
    const next = openTab({}, ana);
    await pass(5_000);
    expect(service.subjects).toEqual(['left behind']);
    expect(next.identity.tokensAsked).toBeGreaterThan(0);
  });

  it('also when the portal cannot renew the session for a while', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.identity.isBroken = true;
    tab.capture({});
    await pass(60_000);
    expect(service.requests).toHaveLength(0);
    tab.identity.isBroken = false;
    await pass(LONGEST_PAUSE_MS);
    expect(service.stored.size).toBe(1);
  });
});

describe('the pause after a failure', () => {
  it('grows to five minutes at most and is random', async () => {
    service.reply = offline;
    jest.spyOn(Math, 'random').mockReturnValue(1);
    const tab = openTab({}, ana);
    const times: number[] = [];
    service.reply = () => {
      times.push(Date.now());
      return offline();
    };
    tab.capture({});
    await pass(hour);
    const pauses = times.slice(1).map((time, index) => (time - times[index]!) / 1_000);
    expect(pauses.slice(0, 9)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256]);
    expect(new Set(pauses.slice(9))).toEqual(new Set([300]));
    expect(Math.random).toHaveBeenCalled();
  });

  it.each([
    ['in seconds', '120'],
    ['until a date', new Date('2026-11-24T09:02:05Z').toUTCString()],
  ])('is as long as the service asks for, %s', async (_, retryAfter) => {
    service.reply = () => ({ status: 503, headers: { 'Retry-After': retryAfter } });
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({});
    await pass(5_000);
    service.reply = () => undefined;
    tab.capture({});
    await pass(119_000);
    expect(service.requests).toHaveLength(1);
    await pass(2_500);
    expect(service.stored.size).toBe(2);
  });

  it('is never longer than an hour', async () => {
    service.reply = () => ({ status: 503, headers: { 'Retry-After': '99999999' } });
    const tab = openTab({}, ana);
    tab.capture({});
    await pass(5_000);
    service.reply = () => undefined;
    await pass(LONGEST_RETRY_AFTER_MS + 1_000);
    expect(service.stored.size).toBe(1);
  });

  it('holds for the page that is left as well', async () => {
    service.reply = () => ({ status: 503, headers: { 'Retry-After': '60' } });
    const tab = openTab({}, ana);
    tab.capture({});
    await pass(5_000);
    window.dispatchEvent(new Event('pagehide'));
    await pass(0);
    expect(service.requests).toHaveLength(1);
    expect(waiting()).toHaveLength(1);
  });

  it('ends when the browser is online again', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(1);
    service.reply = offline;
    const tab = openTab({}, ana);
    tab.capture({});
    await pass(20 * 60_000);
    service.reply = () => undefined;
    window.dispatchEvent(new Event('online'));
    await pass(0);
    expect(service.stored.size).toBe(1);
  });

  it('is on a clock that nobody sets back', async () => {
    service.reply = offline;
    const tab = openTab({}, ana);
    tab.capture({});
    await pass(0);
    jest.setSystemTime(new Date('2026-11-23T09:00:00Z'));
    service.reply = () => undefined;
    await pass(2_000);
    expect(service.stored.size).toBe(1);
  });
});

describe('a token that is refused', () => {
  it('is asked for once more, and the new one is used at once', async () => {
    const tab = openTab({}, ana);
    service.reply = ({ token }) => {
      tab.identity.token = 'token-2';
      return token === 'Bearer token-2' ? undefined : { status: 401 };
    };
    tab.capture({});
    await pass(5_000);
    expect(service.requests.map(({ token }) => token)).toEqual(['Bearer token-1', 'Bearer token-2']);
    expect(service.stored.size).toBe(1);
  });

  describe('because the backend has other keys since it was restarted', () => {
    const guest = 'http://portal/api/auth/guest/refresh';
    const github = 'http://portal/api/auth/github/refresh?optional=&env=production';
    const session = (user: string, token: string) => ({
      backstageIdentity: { token, identity: { type: 'user', userEntityRef: user } },
    });
    /** The service accepts only this token, whatever token the portal still has. */
    let taken: string;
    /** The addresses that the page has loaded. */
    const loaded = (...addresses: string[]) => {
      const entries = addresses.map((name) => ({ name }) as PerformanceEntry);
      Object.assign(performance, { getEntriesByType: () => entries });
    };

    beforeEach(() => {
      taken = 'token-2';
      service.reply = ({ token }) => (token === `Bearer ${taken}` ? undefined : { status: 401 });
      loaded('http://portal/static/main.js', guest, 'http://portal/api/catalog/entities/refresh');
    });

    it('is replaced by one that is asked for as the sign-in did it', async () => {
      service.sessions.set(guest, () => session(ana, taken));
      const tab = openTab({}, ana);
      tab.capture({ subject: 'after the restart' });
      await pass(5_000);
      expect(service.subjects).toEqual(['after the restart']);
      expect(service.requests.map(({ token }) => token)).toEqual(['Bearer token-1', 'Bearer token-2']);
      expect(service.renewals).toEqual([
        [guest, { credentials: 'include', headers: { 'X-Requested-With': 'XMLHttpRequest' } }],
      ]);
    });

    it('is replaced once for all that follows', async () => {
      service.sessions.set(guest, () => session(ana, taken));
      const tab = openTab({}, ana);
      for (let event = 0; event < 5; event++) {
        tab.capture({ subject: String(event) });
        await pass(10_000);
      }
      expect(service.subjects).toEqual(['0', '1', '2', '3', '4']);
      expect(service.renewals).toHaveLength(1);
      expect(service.requests).toHaveLength(6);
    });

    it('is replaced again after another restart, and by the portal’s own new one when that is there', async () => {
      service.sessions.set(guest, () => session(ana, taken));
      const tab = openTab({}, ana);
      tab.capture({ subject: 'one' });
      await pass(5_000);
      taken = 'token-3';
      tab.capture({ subject: 'two' });
      await pass(10_000);
      tab.identity.token = taken = 'token-4';
      tab.capture({ subject: 'three' });
      await pass(10_000);
      expect(service.subjects).toEqual(['one', 'two', 'three']);
      expect(service.renewals).toHaveLength(2);
      expect(service.requests.at(-1)!.token).toBe('Bearer token-4');
    });

    it('is asked for at each provider that the page has asked, and only the same person’s is used', async () => {
      loaded(github, guest, guest);
      service.sessions.set(github, () => session('user:default/ben', 'token-of-ben'));
      service.sessions.set(guest, () => session(ana, taken));
      const tab = openTab({}, ana);
      tab.capture({});
      await pass(5_000);
      expect(service.stored.size).toBe(1);
      expect(service.renewals.map(([url]) => url)).toEqual([github, guest]);
      expect(service.requests.map(({ token }) => token)).not.toContain('Bearer token-of-ben');
    });

    it.each<[string, () => unknown]>([
      ['has no session', () => ({})],
      ['answers nonsense', () => 'sign in'],
      ['is of somebody else now', () => session('user:default/ben', 'token-2')],
      [
        'is not reached',
        () => {
          throw new TypeError('Failed to fetch');
        },
      ],
    ])(
      'and a sign-in that %s leaves the events waiting until the portal has a new one',
      async (_, answer) => {
        service.sessions.set(guest, answer);
        const tab = openTab({}, ana);
        tab.capture({});
        await pass(60_000);
        expect(service.stored.size).toBe(0);
        expect(service.renewals.length).toBeLessThan(15);
        tab.identity.token = taken;
        await pass(LONGEST_PAUSE_MS);
        expect(service.stored.size).toBe(1);
      },
    );
  });

  it('is not asked for again and again', async () => {
    service.reply = () => ({ status: 401 });
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({});
    await pass(5_000);
    expect(service.requests).toHaveLength(2);
    await pass(hour);
    expect(service.requests.length).toBeLessThan(40);
  });
});

describe('a content that is refused', () => {
  const poison = (status: number) => (request: { events: { subject: string }[] }) =>
    request.events.some(({ subject }) => subject === 'poison') ? { status } : undefined;

  it.each([400, 403, 413])(
    'for good with %i is found, dropped and named; the others are stored',
    async (status) => {
      service.reply = poison(status);
      const tab = openTab({}, ana);
      await pass(0);
      for (let event = 0; event < 50; event++)
        tab.capture({ subject: event === 31 ? 'poison' : String(event) });
      await pass(hour);
      expect(service.stored.size).toBe(49);
      expect(waiting()).toHaveLength(0);
      expect(service.requests.length).toBeLessThan(40);
      expect(warn.mock.calls).toContainEqual([
        'analytics-internal:',
        'dropped',
        expect.stringContaining('"poison"'),
        `http://portal/api/analytics-internal/events answered ${status}`,
      ]);
    },
  );

  it('always is tried ever more seldom, without an end in a loop', async () => {
    service.reply = () => ({ status: 400 });
    const tab = openTab({}, ana);
    for (let event = 0; event < 100; event++) tab.capture({ subject: String(event) });
    await pass(hour);
    expect(service.requests.length).toBeLessThan(60);
  });
});

describe('what the service says of single events', () => {
  it.each(['stored', 'duplicate', 'filtered', 'rejected'])(
    '%s: it need not be sent again',
    async (status) => {
      service.reply = ({ events }) => ({
        body: { success: true, results: events.map(({ id }) => ({ id, status })) },
      });
      const tab = openTab({}, ana);
      tab.capture({});
      await pass(60_000);
      expect(service.requests).toHaveLength(1);
      expect(waiting()).toHaveLength(0);
    },
  );
});

describe('what waits is bounded', () => {
  it(`to ${MAX_EVENTS} events; the oldest go first, and the console is told`, async () => {
    const debug = jest.spyOn(console, 'debug').mockImplementation();
    service.reply = offline;
    const tab = openTab({ debug: true }, ana);
    await pass(0);
    for (let event = 0; event < MAX_EVENTS + 100; event++) tab.capture({ subject: String(event) });
    service.reply = () => undefined;
    await pass(10_000);
    expect(service.stored.size).toBeLessThanOrEqual(MAX_EVENTS + 50);
    expect(service.subjects.at(-1)).toBe(String(MAX_EVENTS + 99));
    expect(service.subjects).not.toContain('0');
    expect(debug).toHaveBeenCalledWith('analytics-internal:', 'dropped the oldest', expect.any(Number));
  });

  it('in characters too', async () => {
    service.reply = offline;
    const tab = openTab({}, ana);
    await pass(0);
    for (let event = 0; event < 200; event++) tab.capture({ subject: 'x'.repeat(20_000) });
    await pass(5_000);
    const characters = waiting().reduce(
      (sum, name) => sum + name.length + localStorage.getItem(name)!.length,
      0,
    );
    expect(characters).toBeLessThanOrEqual(MAX_CHARACTERS + 50 * 21_000);
  });

  it('in age: what the service would not take any more is dropped', async () => {
    service.reply = offline;
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({ subject: 'old' });
    await pass(0);
    tab.kill();
    jest.setSystemTime(Date.now() + MAX_AGE_MS + 1_000);
    service.reply = () => undefined;
    const next = openTab({}, ana);
    next.capture({ subject: 'new' });
    await pass(10_000);
    expect(service.subjects).toEqual(['new']);
  });
});

it('a failure that lasts is told once', async () => {
  service.reply = () => ({ status: 404 });
  const tab = openTab({}, ana);
  tab.capture({});
  await pass(hour);
  expect(warn.mock.calls).toEqual([
    ['analytics-internal:', 'kept for later', 'http://portal/api/analytics-internal/events answered 404'],
  ]);
});

it('after a failure requests do not rely on outliving the page, whose limit the portal shares', async () => {
  service.reply = ({ isOutliving }) => (isOutliving ? offline() : undefined);
  const tab = openTab({}, ana);
  tab.capture({});
  await pass(10_000);
  expect(service.requests.map(({ isOutliving }) => isOutliving)).toEqual([true, false]);
  expect(service.stored.size).toBe(1);
});
