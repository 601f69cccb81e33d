import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createRepetitions,
  isRedirect,
  isSameNavigation,
  isSameSearch,
  NAVIGATION_MS,
  SEARCH_MS,
} from './collapse';
import { type CapturedEvent, momentOf } from './moment';
import { type FakeService } from './__testUtils__/FakeService';
import { act, openBrowser, openTab, pass, setHidden } from './__testUtils__/tabs';

const ana = 'user:default/ana';
const root = { pluginId: 'app', extensionId: 'app/root' };

const navigation = (subject: string, at: number, context: CapturedEvent['context'] = {}) =>
  momentOf({ action: 'navigate', subject, context }, at, '');
const search = (subject: string, at: number) => momentOf({ action: 'search', subject, context: {} }, at, '');

describe('two navigations are one', () => {
  it.each([
    ['/catalog', '/catalog', 0],
    ['/catalog', '/catalog?filters[kind]=api', NAVIGATION_MS - 1],
    ['/docs/x#a', '/docs/x/#b', 500],
  ])('from %s to %s after %i ms', (earlier, later, ms) => {
    expect(isSameNavigation(navigation(earlier, 0), navigation(later, ms))).toBe(true);
  });

  it('from the root of the new system to the page, however long the sign-in took', () => {
    const early = { ...navigation('/docs', 0, root), isEarly: true };
    expect(isSameNavigation(early, navigation('/docs', 600_000))).toBe(true);
  });
});

describe('two navigations are two', () => {
  it.each([
    ['/catalog', '/catalog', NAVIGATION_MS],
    ['/catalog', '/catalog-graph', 0],
    ['/', '/catalog', 0],
  ])('from %s to %s after %i ms', (earlier, later, ms) => {
    expect(isSameNavigation(navigation(earlier, 0), navigation(later, ms))).toBe(false);
  });
});

describe('the later navigation is the portal’s own', () => {
  it.each([
    ['/settings', '/settings/general', 0],
    ['/', '/catalog', NAVIGATION_MS - 1],
    ['/create?q=x', '/create/templates?q=x', 500],
  ])('from %s to %s after %i ms', (earlier, later, ms) => {
    expect(isRedirect(navigation(earlier, 0), navigation(later, ms))).toBe(true);
  });

  it('from a page before the sign-in to one after it, however long that took', () => {
    const early = { ...navigation('/', 0), isEarly: true };
    expect(isRedirect(early, navigation('/catalog', 600_000))).toBe(true);
  });
});

describe('the later navigation is somebody’s', () => {
  it.each([
    ['/settings', '/settings/general', NAVIGATION_MS],
    ['/settings', '/settings?tab=1', 0],
  ])('from %s to %s after %i ms', (earlier, later, ms) => {
    expect(isRedirect(navigation(earlier, 0), navigation(later, ms))).toBe(false);
  });

  it('who has done something for it', () => {
    const asked = { ...navigation('/docs', 200), isAsked: true };
    expect(isRedirect(navigation('/catalog', 0), asked)).toBe(false);
  });
});

describe('two searches are one', () => {
  it.each([
    ['p', 'pa', 100],
    ['pay', 'pa', 100],
    ['pay', 'pay', 100],
    ['', 'pay', SEARCH_MS - 1],
  ])('from "%s" to "%s" after %i ms', (earlier, later, ms) => {
    expect(isSameSearch(search(earlier, 0), search(later, ms))).toBe(true);
  });
});

describe('two searches are two', () => {
  it.each([
    ['pay', 'order', 100],
    ['pay', '', 100],
    ['pay', 'payments', SEARCH_MS],
  ])('from "%s" to "%s" after %i ms', (earlier, later, ms) => {
    expect(isSameSearch(search(earlier, 0), search(later, ms))).toBe(false);
  });
});

/** The recorded events that remain, by the pure rules only. */
function collapsed(
  events: { at: string; event: CapturedEvent }[],
  collapse = ['navigate', 'search'],
): CapturedEvent[] {
  const repetitions = createRepetitions(collapse);
  const left = new Map<string, CapturedEvent>();
  for (const { at, event } of events) {
    const moment = momentOf(event, Date.parse(at), '');
    moment.isEarly = moment.isOfRoot;
    const repeated = repetitions.repeatedBy(moment);
    if (repeated) left.delete(repeated.id);
    left.set(moment.id, event);
  }
  return [...left.values()];
}

const recorded = (file: string): { at: string; event: CapturedEvent }[] =>
  readFileSync(join(__dirname, '../../../../tests/events', file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('a recorded walk', () => {
  it('of the new system has one navigation for each page load, the one that knows the page', () => {
    const walk = recorded('backstage-new-app.jsonl');
    const left = collapsed(walk);
    const navigations = left.filter(({ action }) => action === 'navigate');
    expect(walk.filter(({ event }) => event.action === 'navigate')).toHaveLength(13);
    expect(navigations.map(({ subject, context }) => [subject, context.pluginId])).toEqual([
      ['/catalog', 'catalog'],
      ['/catalog/default/component/example-website', 'catalog'],
      ['/catalog/default/system/examples', 'catalog'],
      ['/api-docs', 'api-docs'],
      ['/catalog/default/api/example-grpc-api', 'catalog'],
      ['/docs', 'techdocs'],
      ['/docs/default/component/nope', 'techdocs'],
      ['/search?query=example', 'app'],
    ]);
    expect(left.filter(({ action }) => action !== 'navigate')).toEqual(
      walk.map(({ event }) => event).filter(({ action }) => action !== 'navigate'),
    );
  });

  it('of the legacy system, which repeats no navigation and no search, is left as it is', () => {
    const walk = recorded('backstage-legacy-app.jsonl');
    expect(collapsed(walk)).toEqual(walk.map(({ event }) => event));
  });

  it('is left as it is when no rule is on', () => {
    const walk = recorded('backstage-new-app.jsonl');
    expect(collapsed(walk, [])).toEqual(walk.map(({ event }) => event));
  });
});

describe('in the portal', () => {
  let service: FakeService;
  const said = () => service.events.map(({ action, subject, value }) => [action, subject, value]);

  beforeEach(() => {
    service = openBrowser();
  });

  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('what is typed is one search: the last words, with the last number of results', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    for (const [term, results] of [
      ['p', 90],
      ['pa', 40],
      ['pay', 7],
    ] as const) {
      tab.search(term, results);
      await pass(400);
    }
    await pass(10_000);
    expect(said()).toEqual([['search', 'pay', 7]]);
    expect(service.events[0]!.occurredAt).toBe('2026-11-24T09:00:00.800Z');
  });

  it('what is typed for longer than the interval is still one search', async () => {
    const tab = openTab({ flushInterval: 1 }, ana);
    await pass(0);
    for (let length = 1; length <= 8; length++) {
      tab.search('payments'.slice(0, length));
      await pass(900);
    }
    await pass(5_000);
    expect(said()).toEqual([['search', 'payments', undefined]]);
    expect(service.receivedIds).toHaveLength(1);
  });

  it('a result that is opened comes after the search, and ends it', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.search('pa', 40);
    tab.search('pay', 7);
    tab.capture({ action: 'discover', subject: 'Payment service', value: 1 });
    tab.search('payments', 2);
    await pass(10_000);
    expect(said()).toEqual([
      ['search', 'pay', 7],
      ['discover', 'Payment service', 1],
      ['search', 'payments', 2],
    ]);
  });

  it('a page that writes what is typed into its address does not end the typing', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.navigate('/search');
    await pass(3_000);
    for (const term of ['p', 'pa', 'pay']) {
      tab.search(term);
      tab.navigate(`/search?query=${term}`);
      await pass(300);
    }
    await pass(10_000);
    expect(said()).toEqual([
      ['navigate', '/search', undefined],
      ['search', 'pay', undefined],
      ['navigate', '/search?query=pay', undefined],
    ]);
  });

  it('a search is sent with the page that is left while it is typed', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.search('p');
    tab.search('pa');
    setHidden(true);
    await pass(0);
    setHidden(false);
    expect(said()).toEqual([['search', 'pa', undefined]]);
  });

  it('a navigation that is sent already stands for its repetition', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.navigate('/catalog');
    setHidden(true);
    await pass(100);
    setHidden(false);
    tab.navigate('/catalog?filters[kind]=component');
    tab.navigate('/catalog');
    await pass(10_000);
    expect(said()).toEqual([['navigate', '/catalog', undefined]]);
  });

  it('a page load of the new system is one navigation, that of the page', async () => {
    const tab = openTab();
    tab.navigate('/docs', root);
    await pass(30_000);
    tab.identity.signIn(ana);
    await pass(20);
    tab.capture({ action: 'signIn', subject: 'success' });
    await pass(80);
    tab.navigate('/docs', { pluginId: 'techdocs', extensionId: 'page:techdocs' });
    await pass(10_000);
    expect(said()).toEqual([
      ['signIn', 'success', undefined],
      ['navigate', '/docs', undefined],
    ]);
    expect(service.events[1]!.context).toEqual({ pluginId: 'techdocs', extensionId: 'page:techdocs' });
  });

  it('a page that only the root of the new system reports is counted as often as its address is changed', async () => {
    const tab = openTab();
    tab.navigate('/reports?team=a', root);
    await pass(30_000);
    tab.identity.signIn(ana);
    await pass(20);
    tab.navigate('/reports?team=a', root);
    await pass(60_000);
    tab.navigate('/reports?team=b', root);
    await pass(60_000);
    tab.navigate('/reports?team=c', root);
    await pass(60_000);
    expect(service.subjects).toEqual(['/reports?team=a', '/reports?team=b', '/reports?team=c']);
  });

  it('the load of a page of an excluded plugin is not counted for the root either', async () => {
    const tab = openTab({ excludePlugins: ['techdocs'] });
    tab.navigate('/docs', root);
    tab.identity.signIn(ana);
    await pass(1_500);
    tab.navigate('/docs', { pluginId: 'techdocs', extensionId: 'page:techdocs' });
    await pass(10_000);
    tab.navigate('/catalog');
    await pass(10_000);
    expect(service.subjects).toEqual(['/catalog']);
  });

  it('a page that leads to another at once is not counted, nor is a chain of them', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    for (const chain of [['/settings', '/settings/general'], ['/a', '/a/b', '/a/b/c'], ['/docs']]) {
      act('click');
      for (const path of chain) {
        tab.navigate(path);
        await pass(400);
      }
      await pass(3_000);
    }
    expect(service.subjects).toEqual(['/settings/general', '/a/b/c', '/docs']);
  });

  it.each(['pointerdown', 'keydown', 'click', 'popstate'] as const)(
    'two pages are counted if there was a %s in between',
    async (type) => {
      const tab = openTab({}, ana);
      await pass(0);
      tab.navigate('/settings');
      act(type);
      tab.navigate('/settings/general');
      await pass(10_000);
      expect(service.subjects).toEqual(['/settings', '/settings/general']);
    },
  );

  it('moving the pointer or scrolling does not go to a page', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    act('click');
    tab.navigate('/settings');
    act('pointermove');
    act('scroll');
    tab.navigate('/settings/general');
    await pass(10_000);
    expect(service.subjects).toEqual(['/settings/general']);
  });

  it('two pages are counted if anything was captured in between', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.navigate('/create');
    tab.capture({ action: 'create', subject: 'Task has been created' });
    tab.navigate('/create/tasks/1');
    await pass(10_000);
    expect(service.subjects).toEqual(['/create', 'Task has been created', '/create/tasks/1']);
  });

  it('a page that is sent already counts beside the one that it leads to', async () => {
    const tab = openTab({}, ana);
    await pass(0);
    tab.navigate('/settings');
    setHidden(true);
    await pass(100);
    setHidden(false);
    tab.navigate('/settings/general');
    await pass(10_000);
    expect(service.subjects).toEqual(['/settings', '/settings/general']);
  });

  it('a page that the portal held back until somebody went on is counted', async () => {
    history.replaceState({}, '', '/portal/reports');
    const tab = openTab({}, ana);
    await pass(0);
    act('click');
    tab.navigate('/reports', { pluginId: 'root' });
    tab.navigate('/docs');
    await pass(10_000);
    // Somebody goes back: the address changes before the event.
    history.replaceState({}, '', '/portal/docs');
    act('popstate');
    tab.navigate('/reports', { pluginId: 'root' });
    tab.navigate('/docs');
    await pass(10_000);
    history.replaceState({}, '', '/');
    expect(service.subjects).toEqual(['/reports', '/docs', '/reports', '/docs']);
  });

  it('of a page load in the legacy system only the page after the sign-in is counted', async () => {
    const tab = openTab();
    tab.navigate('/', { pluginId: 'root', extension: 'App' });
    act('click'); // the button on the page for the sign-in
    await pass(60_000);
    tab.identity.signIn(ana);
    await pass(20);
    tab.capture({ action: 'signIn', subject: 'success' });
    await pass(6_000); // the page is slow to load
    tab.navigate('/catalog');
    await pass(10_000);
    expect(service.subjects).toEqual(['success', '/catalog']);
  });

  it('after the sign-in the page that was loaded is counted if somebody goes on', async () => {
    const tab = openTab();
    tab.navigate('/docs', { pluginId: 'techdocs' });
    tab.identity.signIn(ana);
    await pass(3_000);
    act('click');
    tab.navigate('/catalog');
    await pass(10_000);
    expect(service.subjects).toEqual(['/docs', '/catalog']);
  });

  it('signing in counts once for a session, whatever is loaded and in whatever tab', async () => {
    for (let load = 0; load < 4; load++) {
      const tab = openTab({}, ana);
      await pass(0);
      tab.capture({ action: 'signIn', subject: 'success' });
      await pass(10_000);
      tab.kill();
    }
    expect(said()).toEqual([['signIn', 'success', undefined]]);
    await pass(31 * 60_000);
    const tab = openTab({}, ana);
    await pass(0);
    tab.capture({ action: 'signIn', subject: 'success' });
    tab.capture({ action: 'signIn', subject: 'failure' });
    await pass(10_000);
    expect(said().map(([, subject]) => subject)).toEqual(['success', 'success', 'failure']);
  });

  it('nothing is collapsed where the config says so', async () => {
    const tab = openTab({ collapse: [] }, ana);
    await pass(0);
    tab.capture({ action: 'signIn', subject: 'success' });
    tab.capture({ action: 'signIn', subject: 'success' });
    tab.navigate('/catalog');
    tab.navigate('/catalog');
    tab.navigate('/catalog/all');
    tab.search('p');
    tab.search('pa');
    await pass(10_000);
    expect(said()).toHaveLength(7);
  });

  it.each([
    ['navigate', 6],
    ['redirect', 6],
    ['signIn', 6],
    ['search', 6],
  ])('%s can be collapsed alone', async (action, left) => {
    const tab = openTab({ collapse: [action] }, ana);
    await pass(0);
    tab.capture({ action: 'signIn', subject: 'success' });
    tab.capture({ action: 'signIn', subject: 'success' });
    tab.navigate('/catalog');
    tab.navigate('/catalog');
    tab.navigate('/catalog/all');
    tab.search('p');
    tab.search('pa');
    await pass(10_000);
    expect(said()).toHaveLength(left);
  });
});
