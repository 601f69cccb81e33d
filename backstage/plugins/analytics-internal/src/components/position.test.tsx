import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { ProblemError } from '../api/problem';
import type { Query } from '../api/query';
import { ActivityDetailsPage } from './details/ActivityDetailsPage';
import { MetricsPage } from './metrics/MetricsPage';
import { answerTo, METRICS_QUESTIONS as QUESTIONS, renderPage, testClient } from './__testUtils__/testPages';

const address = () => screen.getByTestId('address').textContent;
const log = () => screen.findByRole('region', { name: 'Activity Log' });
const positions = (questions: Query[]) => [...new Set(questions.map(({ position }) => position))];
const choose = async (menu: string, name: string, role = 'menuitem') => {
  await userEvent.click(await screen.findByRole('button', { name: menu }));
  await userEvent.click(await screen.findByRole(role, { name }));
};

/** A service whose log grows by an event with everything it is asked. `restore` takes it back to a position. */
function growingLog() {
  let head = 100;
  let configurations = 0;
  const client = testClient({
    query: (query) => {
      const errors = [{ field: 'position', detail: `the log reaches to ${head} only` }];
      if (!query.cursor && query.position! > head)
        throw new ProblemError({ title: 'Bad query', status: 400, errors });
      head += 1;
      return answerTo(query);
    },
    configuration: () => {
      configurations += 1;
      return { position: head };
    },
  });
  return { client, restore: (to: number) => (head = to), configurations: () => configurations };
}

/** All but the clock on the wall: what waits goes on waiting for real. */
const timers = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'requestAnimationFrame',
  'cancelAnimationFrame',
  'requestIdleCallback',
  'cancelIdleCallback',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const satisfies NonNullable<FakeTimersConfig['doNotFake']>;

/** Long enough for the page no longer to be current. */
function aMinutePasses() {
  jest.setSystemTime(Date.now() + 60_000);
}

async function shown(client: { asked: Query[] }, questions: number) {
  await waitFor(() => expect(client.asked).toHaveLength(questions));
  await screen.findByText('1–2 of 1,934');
}

describe('the position of a page view', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: timers });
    Object.assign(URL, { createObjectURL: () => 'blob:csv', revokeObjectURL: () => undefined });
    jest.spyOn(HTMLAnchorElement.prototype, 'click').mockReturnValue(undefined);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  it('is the same in all questions while events stream in', async () => {
    const { client } = growingLog();
    renderPage(<MetricsPage />, client);
    await shown(client, QUESTIONS);
    expect(positions(client.asked)).toEqual([100]);
  });

  it('is the same in all questions about an activity', async () => {
    const { client } = growingLog();
    renderPage(<ActivityDetailsPage />, client, '/items/1');
    await screen.findByRole('region', { name: 'User Access History' });
    await waitFor(() => expect(client.asked).toHaveLength(4));
    expect(positions(client.asked)).toEqual([100]);
  });

  it('is known before the first question is asked, which then wait for no other', async () => {
    const { client } = growingLog();
    let answer!: () => void;
    const asked = new Promise<void>((resolve) => (answer = resolve));
    const configuration = client.configuration.bind(client);
    client.configuration = (signal) => asked.then(() => configuration(signal));
    const questions: Query[] = [];
    client.query = (query) => {
      questions.push(query);
      return new Promise(() => undefined);
    };
    renderPage(<MetricsPage />, client);
    await screen.findByRole('region', { name: 'Activity Log' });
    expect(questions).toHaveLength(0);
    answer();
    await waitFor(() => expect(questions).toHaveLength(QUESTIONS));
  });

  it.each([
    ['on Refresh', () => userEvent.click(screen.getByRole('button', { name: 'Refresh' }))],
    ['on focus', () => Promise.resolve(fireEvent(window, new Event('visibilitychange')))],
    ['with another period', () => choose('Period: Last 28 days', 'Last 7 days', 'menuitemradio')],
  ])('moves on for all questions together %s', async (_when, act) => {
    const { client } = growingLog();
    renderPage(<MetricsPage />, client);
    await shown(client, QUESTIONS);
    aMinutePasses();
    await act();
    await shown(client, 2 * QUESTIONS);
    expect(positions(client.asked.slice(QUESTIONS))).toEqual([105]);
  });

  it('stays while one looks at the view in other ways', async () => {
    const { client } = growingLog();
    renderPage(<MetricsPage />, client);
    await shown(client, QUESTIONS);
    aMinutePasses();
    await userEvent.click(screen.getByRole('button', { name: /People/ }));
    await userEvent.click(screen.getByRole('button', { name: 'Show as table' }));
    await userEvent.click(within(await log()).getByRole('columnheader', { name: /Last access/ }));
    await choose('Filter', 'plugin');
    await waitFor(() => expect(client.asked).toHaveLength(QUESTIONS + 3));
    expect(positions(client.asked)).toEqual([100]);
  });

  it('is that of the first page on all pages of the log, which stay when the page is renewed', async () => {
    const { client } = growingLog();
    renderPage(<MetricsPage />, client);
    await shown(client, QUESTIONS);
    await userEvent.click(within(await log()).getByRole('button', { name: 'Next page' }));
    expect(address()).toBe('/?cursor=100.next');
    await waitFor(() => expect(client.asked.at(-1)).toMatchObject({ cursor: 'next', position: 100 }));
    aMinutePasses();
    fireEvent(window, new Event('visibilitychange'));
    await shown(client, 2 * QUESTIONS + 1);
    const [paged, others] = [true, false].map((isPaged) =>
      client.asked.slice(QUESTIONS + 1).filter(({ cursor }) => Boolean(cursor) === isPaged),
    );
    expect(positions(paged!)).toEqual([100]);
    expect(positions(others!)).toEqual([106]);
    expect(address()).toBe('/?cursor=100.next');
  });

  it('leads from a later page of the log to the first on Refresh', async () => {
    const { client } = growingLog();
    renderPage(<MetricsPage />, client, '/?cursor=90.next');
    await shown(client, QUESTIONS);
    await userEvent.click(screen.getByRole('button', { name: 'Refresh' }));
    expect(address()).toBe('/');
    await waitFor(() => expect(positions(client.asked.slice(-QUESTIONS))).toEqual([105]));
  });

  it('is asked for again where the service was restored and does not reach it', async () => {
    const { client, restore, configurations } = growingLog();
    renderPage(<MetricsPage />, client);
    await shown(client, QUESTIONS);
    restore(40);
    await userEvent.click(screen.getByRole('button', { name: /People/ }));
    await shown(client, 2 * QUESTIONS + 1);
    expect(positions(client.asked.slice(-QUESTIONS))).toEqual([40]);
    expect(configurations()).toBe(2);
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('is an error where the service knows not even the position it just named', async () => {
    const { client, configurations } = growingLog();
    const configuration = client.configuration.bind(client);
    client.configuration = async () => ({ ...(await configuration()), position: 1_000_000 });
    renderPage(<MetricsPage />, client);
    await waitFor(() => expect(screen.getAllByRole('alert')).toHaveLength(QUESTIONS));
    expect(configurations()).toBe(2);
  });

  it('is that of the files too', async () => {
    const { client, restore } = growingLog();
    renderPage(<MetricsPage />, client);
    await shown(client, QUESTIONS);
    await choose('Export as CSV', 'Totals');
    await waitFor(() => expect(positions(client.downloaded)).toEqual([100]));
    restore(40);
    await choose('Export as CSV', 'All people');
    await waitFor(() => expect(positions(client.downloaded)).toEqual([100, 40]));
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('keeps the figures and says so where it cannot be renewed', async () => {
    const { client } = growingLog();
    renderPage(<MetricsPage />, client);
    await shown(client, QUESTIONS);
    client.configuration = () => Promise.reject(new ProblemError({ title: 'Not now', status: 422 }));
    await userEvent.click(screen.getByRole('button', { name: 'Refresh' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('The service could not be asked');
    expect(screen.getByText('12.5k')).toBeInTheDocument();
  });
});
