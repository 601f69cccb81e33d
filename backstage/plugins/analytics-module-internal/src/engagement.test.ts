import { type FakeService } from './__testUtils__/FakeService';
import { act, leavePage, openBrowser, openTab, pass, setHidden, waiting } from './__testUtils__/tabs';
import { PAUSE_MS } from './engagement';

const ana = 'user:default/ana';
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

describe('engaged time', () => {
  let service: FakeService;

  beforeEach(() => {
    service = openBrowser();
  });

  afterEach(() => {
    setHidden(false);
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  /** A tab of Ana on a page of the documentation. */
  const reading = async (settings = {}, path = '/docs/default/component/payments') => {
    const tab = openTab(settings, ana);
    await pass(0);
    tab.navigate(path, { pluginId: 'techdocs', extensionId: 'page:techdocs/reader' });
    return tab;
  };

  /** Somebody who moves the pointer every ten seconds. */
  const activeFor = async (ms: number) => {
    for (let past = 0; past < ms; past += 10 * SECOND_MS) {
      act('pointermove');
      await pass(10 * SECOND_MS);
    }
  };

  it('of a page that is read for a minute is sent when another is opened, with what its navigation says', async () => {
    const tab = await reading({ environment: 'test' });
    await activeFor(MINUTE_MS);
    tab.navigate('/catalog');
    await pass(10 * SECOND_MS);

    const [navigation, ...rest] = service.events;
    const engaged = rest.find(({ action }) => action === 'engage');
    expect(service.engaged).toEqual([['/docs/default/component/payments', 60]]);
    expect(engaged).toEqual({
      ...navigation,
      id: engaged!.id,
      action: 'engage',
      occurredAt: '2026-11-24T09:01:00.000Z',
      value: 60,
    });
  });

  it('needs no request of its own where the person goes on', async () => {
    const tab = await reading();
    await activeFor(MINUTE_MS);
    const before = service.requests.length;
    tab.navigate('/catalog');
    await pass(10 * SECOND_MS);
    expect(service.requests.length).toBe(before + 1);
    expect(service.requests.at(-1)!.events.map(({ action }) => action)).toEqual(['navigate', 'engage']);
  });

  it('goes with what is sent when the tab is closed', async () => {
    await reading();
    await activeFor(20 * SECOND_MS);
    leavePage();
    await pass(0);
    expect(service.engaged).toEqual([['/docs/default/component/payments', 20]]);
    expect(service.requests.at(-1)!.isOutliving).toBe(true);
    expect(waiting()).toEqual([]);
  });

  it('pauses half a minute after the last activity, and the half minute counts', async () => {
    const tab = await reading();
    await activeFor(20 * SECOND_MS);
    await pass(HOUR_MS);
    act('scroll');
    await pass(5 * SECOND_MS);
    tab.navigate('/catalog');
    await pass(10 * SECOND_MS);
    const untilThePause = 10 + PAUSE_MS / SECOND_MS;
    expect(service.engaged).toEqual([['/docs/default/component/payments', untilThePause + 5]]);
  });

  it('stands still while the page is hidden', async () => {
    const tab = await reading();
    await pass(10 * SECOND_MS);
    setHidden(true);
    await pass(20 * SECOND_MS);
    setHidden(false);
    await pass(5 * SECOND_MS);
    tab.navigate('/catalog');
    await pass(10 * SECOND_MS);
    expect(service.engaged).toEqual([['/docs/default/component/payments', 15]]);
  });

  it('of a hidden page is kept in the browser, and sent once, when the page is left', async () => {
    await reading();
    await pass(10 * SECOND_MS);
    setHidden(true);
    await pass(10 * SECOND_MS);
    const kept = waiting().length;
    const sent = [...service.engaged];
    setHidden(false);
    await pass(10 * SECOND_MS);
    setHidden(true);
    await pass(10 * SECOND_MS);
    leavePage();
    await pass(0);
    expect([kept, sent]).toEqual([1, []]);
    expect(service.engaged).toEqual([['/docs/default/component/payments', 20]]);
    expect(service.receivedIds).toHaveLength(2);
  });

  it('of a hidden page that the browser discards is sent by the next tab', async () => {
    const tab = await reading();
    await pass(10 * SECOND_MS);
    setHidden(true);
    await pass(SECOND_MS);
    tab.kill();
    setHidden(false);
    openTab({}, ana);
    await pass(10 * SECOND_MS);
    expect(service.engaged).toEqual([['/docs/default/component/payments', 10]]);
  });

  it('of a hidden page is not kept without Web Locks, where another tab would send it', async () => {
    Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true });
    await reading();
    await pass(10 * SECOND_MS);
    setHidden(true);
    await pass(2 * MINUTE_MS);
    const other = openTab({}, ana);
    await pass(10 * SECOND_MS);
    other.kill();
    setHidden(false);
    await pass(7 * SECOND_MS);
    leavePage();
    await pass(0);
    expect(service.engaged).toEqual([['/docs/default/component/payments', 17]]);
  });

  it('of a page that comes back from the browser’s cache goes on from zero', async () => {
    await reading();
    await pass(10 * SECOND_MS);
    leavePage();
    setHidden(true);
    await pass(MINUTE_MS);
    setHidden(false);
    await pass(4 * SECOND_MS);
    leavePage();
    await pass(0);
    expect(service.engaged).toEqual([
      ['/docs/default/component/payments', 10],
      ['/docs/default/component/payments', 4],
    ]);
  });

  it('does not grow when the clock is moved or the machine sleeps', async () => {
    const tab = await reading();
    await pass(3 * SECOND_MS);
    jest.setSystemTime(Date.now() + 9 * HOUR_MS);
    await pass(2 * SECOND_MS);
    act('keydown');
    jest.setSystemTime(Date.now() - 20 * HOUR_MS);
    tab.navigate('/catalog');
    await pass(10 * SECOND_MS);
    expect(service.engaged).toEqual([['/docs/default/component/payments', 5]]);
  });

  it('of less than a second is not sent', async () => {
    const tab = await reading();
    await pass(999);
    act('click');
    tab.navigate('/catalog');
    await pass(1_000);
    tab.navigate('/settings');
    await pass(10 * SECOND_MS);
    expect(service.engaged).toEqual([['/catalog', 1]]);
  });

  it('of a page does not end where only its query or its fragment changes', async () => {
    const tab = await reading({}, '/catalog');
    await pass(5 * SECOND_MS);
    tab.navigate('/catalog?filters[kind]=api', { pluginId: 'catalog' });
    await pass(5 * SECOND_MS);
    tab.navigate('/docs');
    await pass(10 * SECOND_MS);
    expect(service.engaged).toEqual([['/catalog?filters[kind]=api', 10]]);
  });

  it('of a redirect counts for the page that it leads to', async () => {
    const tab = await reading({}, '/settings');
    await pass(900);
    tab.navigate('/settings/general');
    await pass(2_100);
    leavePage();
    await pass(0);
    expect(service.engaged).toEqual([['/settings/general', 3]]);
  });

  it('begins with the sign-in', async () => {
    const tab = openTab();
    tab.navigate('/docs', { pluginId: 'techdocs' });
    await activeFor(MINUTE_MS);
    tab.identity.signIn(ana);
    await pass(10 * SECOND_MS);
    leavePage();
    await pass(0);
    expect(service.engaged).toEqual([['/docs', 10]]);
  });

  it('stays in the session of its navigation', async () => {
    await reading();
    await pass(10 * SECOND_MS);
    setHidden(true);
    await pass(3 * HOUR_MS);
    leavePage();
    await pass(0);
    expect(new Set(service.events.map(({ sessionId }) => sessionId)).size).toBe(1);
    // The person was there for the last time when the page was hidden.
    expect(service.events.at(-1)!.occurredAt).toBe('2026-11-24T09:00:10.000Z');
  });

  it.each([
    [{ engagement: false }],
    [{ excludePlugins: ['techdocs'] }],
    [{ excludePaths: ['/docs'] }],
    [{ actions: ['click'] }],
    [{ sampling: 0 }],
    [{ enabled: false }],
  ])('is not sent where %j keeps the page from being captured', async (settings) => {
    const tab = await reading(settings);
    await pass(10 * SECOND_MS);
    tab.capture({ context: { pluginId: 'catalog' } });
    setHidden(true);
    leavePage();
    await pass(10 * SECOND_MS);
    expect(service.engaged).toEqual([]);
  });

  it('needs no place among the actions that are captured', async () => {
    await reading({ actions: ['navigate'] });
    await pass(10 * SECOND_MS);
    leavePage();
    await pass(0);
    expect(service.engaged).toEqual([['/docs/default/component/payments', 10]]);
  });

  it('is not sent any more once somebody has opted out', async () => {
    const tab = await reading();
    await pass(10 * SECOND_MS);
    localStorage['analytics-internal.opt-out'] = 'true';
    tab.navigate('/catalog');
    leavePage();
    await pass(10 * SECOND_MS);
    expect(service.engaged).toEqual([]);
  });

  it('of each tab is its own, and only of the visible one', async () => {
    const first = await reading({}, '/docs/default/component/a');
    await pass(5 * SECOND_MS);
    first.navigate('/catalog');
    await pass(5 * SECOND_MS);
    const second = await reading({}, '/docs/default/component/b');
    await pass(5 * SECOND_MS);
    leavePage(); // jsdom has one window, so both tabs are left.
    await pass(0);
    second.kill();
    expect(service.engaged.filter(([subject]) => subject.startsWith('/docs'))).toEqual([
      ['/docs/default/component/a', 5],
      ['/docs/default/component/b', 5],
    ]);
  });
});
