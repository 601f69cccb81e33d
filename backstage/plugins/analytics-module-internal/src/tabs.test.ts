import { FakeLocks } from './__testUtils__/FakeLocks';
import { type FakeService } from './__testUtils__/FakeService';
import { openBrowser, pass, openTab, waiting } from './__testUtils__/tabs';

const ana = 'user:default/ana';
const bruno = 'user:default/bruno';
let service: FakeService;

const offline = () => {
  throw new TypeError('Failed to fetch');
};

beforeEach(() => {
  service = openBrowser();
  jest.spyOn(console, 'warn').mockImplementation();
});

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

describe('several tabs of one browser', () => {
  it('never send an event twice', async () => {
    const tabs = [openTab({}, ana), openTab({}, ana), openTab({}, ana)];
    await pass(0);
    for (let event = 0; event < 120; event++) {
      tabs[event % 3]!.capture({ subject: String(event) });
      await pass(100);
    }
    await pass(10_000);
    expect(service.stored.size).toBe(120);
    expect(service.receivedIds).toHaveLength(120);
  });

  it('nor after they were offline together', async () => {
    service.reply = offline;
    const tabs = [openTab({}, ana), openTab({}, ana)];
    for (let event = 0; event < 100; event++) {
      tabs[event % 2]!.capture({ subject: String(event) });
      await pass(1_000);
    }
    service.requests.length = 0;
    service.reply = () => undefined;
    window.dispatchEvent(new Event('online'));
    await pass(10_000);
    expect(service.stored.size).toBe(100);
    expect(service.receivedIds).toHaveLength(100);
    expect(service.subjects).toEqual(Array.from({ length: 100 }, (_, event) => String(event)));
  });

  it('take over at once what a tab that is killed has not sent', async () => {
    const [first, second] = [openTab({}, ana), openTab({}, ana)];
    await pass(0);
    first.capture({ subject: 'of the first' });
    await pass(1);
    second.capture({ subject: 'of the second' });
    await pass(1_000);
    service.reply = offline;
    await pass(9_000);
    first.kill();
    service.reply = () => undefined;
    await pass(60_000);
    expect(service.subjects).toEqual(['of the first', 'of the second']);
    expect(waiting()).toHaveLength(0);
  });

  it('also where the one that took it over is killed in turn', async () => {
    service.reply = offline;
    const first = openTab({}, ana);
    await pass(0);
    first.capture({ subject: 'handed on' });
    first.kill();
    const second = openTab({}, ana);
    await pass(60_000);
    second.kill(first);
    service.reply = () => undefined;
    openTab({}, ana);
    await pass(60_000);
    expect(service.subjects).toEqual(['handed on']);
  });

  it('are in one session', async () => {
    const [first, second] = [openTab({}, ana), openTab({}, ana)];
    await pass(0);
    first.capture({});
    second.capture({});
    await pass(5_000);
    expect(new Set(service.events.map(({ sessionId }) => sessionId)).size).toBe(1);
  });
});

describe('another person in the same browser', () => {
  it('does not send what the first one left: it waits until the first one is back', async () => {
    service.reply = offline;
    const first = openTab({}, ana);
    await pass(0);
    first.capture({ subject: 'of ana' });
    await pass(5_000);
    first.kill();
    service.reply = () => undefined;
    const second = openTab({}, bruno);
    await pass(0);
    second.capture({ subject: 'of bruno' });
    await pass(60_000);
    expect(service.events.map(({ subject, user }) => [subject, user])).toEqual([['of bruno', bruno]]);
    second.kill();
    openTab({}, ana);
    await pass(60_000);
    expect(service.events.map(({ subject, user }) => [subject, user])).toEqual([
      ['of ana', ana],
      ['of bruno', bruno],
    ]);
  });

  it('is in a session of its own', async () => {
    for (const user of [ana, bruno]) {
      const tab = openTab({}, user);
      await pass(0);
      tab.capture({});
      await pass(5_000);
      tab.kill();
    }
    expect(new Set(service.events.map(({ sessionId }) => sessionId)).size).toBe(2);
  });

  it('whose name begins like the first one’s is still another', async () => {
    service.reply = offline;
    const first = openTab({}, 'user:default/ana.b');
    await pass(0);
    first.capture({});
    first.kill();
    service.reply = () => undefined;
    openTab({}, ana);
    await pass(60_000);
    expect(service.requests).toHaveLength(0);
  });
});

describe('without Web Locks, on a portal without TLS', () => {
  beforeEach(() => {
    Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true });
  });

  it('what a page has left is sent a minute later', async () => {
    service.reply = offline;
    const first = openTab({}, ana);
    await pass(0);
    first.capture({ subject: 'left behind' });
    first.kill();
    service.reply = () => undefined;
    const next = openTab({}, ana);
    await pass(70_000);
    next.capture({ subject: 'later' });
    await pass(5_000);
    expect(service.subjects).toEqual(['left behind', 'later']);
    expect(waiting()).toHaveLength(0);
  });

  it('tabs side by side send what is theirs once', async () => {
    const tabs = [openTab({}, ana), openTab({}, ana)];
    await pass(0);
    for (let event = 0; event < 50; event++) {
      tabs[event % 2]!.capture({ subject: String(event) });
      await pass(500);
    }
    await pass(10_000);
    expect(service.stored.size).toBe(50);
    expect(service.receivedIds).toHaveLength(50);
  });
});

it('the lock that a browser refuses to give does no harm', async () => {
  const locks = new FakeLocks();
  jest.spyOn(locks, 'request').mockRejectedValue(new DOMException('not here', 'SecurityError'));
  Object.defineProperty(navigator, 'locks', { value: locks, configurable: true });
  const tab = openTab({}, ana);
  tab.capture({});
  await pass(5_000);
  expect(service.stored.size).toBe(1);
});
