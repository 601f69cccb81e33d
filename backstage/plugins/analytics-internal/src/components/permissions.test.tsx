import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { ProblemError } from '../api/problem';
import {
  answerTo,
  configuration,
  METRICS_QUESTIONS,
  renderPage,
  testClient,
} from './__testUtils__/testPages';
import { ActivityDetailsPage } from './details/ActivityDetailsPage';
import { MetricsPage } from './metrics/MetricsPage';

const mayNoNames = { may: { read: true, people: false, admin: false } };
const panel = (name: string) => screen.findByRole('region', { name });
const address = () => screen.getByTestId('address').textContent;

/** A client that fails where it is asked for a name, as the service does. */
function nameless() {
  return testClient({
    configuration: mayNoNames,
    query: (query) => {
      if (JSON.stringify(query).includes('"person"')) {
        throw new ProblemError({ title: 'Not allowed', status: 403, detail: 'names are not for you' });
      }
      return answerTo(query);
    },
  });
}

describe('who may not see names', () => {
  it('sees which permission they need in the place of the names, and everything else', async () => {
    const client = nameless();
    renderPage(<MetricsPage />, client);
    expect(await screen.findByText('1–2 of 1,934')).toBeInTheDocument();
    const people = within(await panel('Actions Performed (Total)'));
    expect(people.getByRole('note')).toHaveTextContent('analytics-internal.people.read');
    expect(people.queryByRole('link')).toBeNull();
    expect(screen.queryByRole('alert')).toBeNull();
    expect(client.asked).toHaveLength(METRICS_QUESTIONS - 1);
  });

  it('still sees how many people there were', async () => {
    renderPage(<MetricsPage />, nameless());
    const log = within(await panel('Activity Log'));
    expect(await log.findAllByText('47')).not.toHaveLength(0);
    expect(log.getByRole('columnheader', { name: /People/ })).toBeInTheDocument();
  });

  it('does not see who accessed an activity', async () => {
    renderPage(<ActivityDetailsPage />, nameless(), '/items/1');
    const history = within(await panel('User Access History'));
    expect(await history.findByRole('note')).toHaveTextContent('analytics-internal.people.read');
  });

  it('is offered no filter and no file of names', async () => {
    renderPage(<MetricsPage />, nameless());
    await screen.findByText('1–2 of 1,934');
    await userEvent.click(screen.getByRole('button', { name: 'Filter' }));
    expect(screen.getByRole('menuitem', { name: 'plugin' })).toBeInTheDocument();
    expect(screen.queryByRole('menuitem', { name: 'person' })).toBeNull();
    await userEvent.keyboard('{Escape}');
    await userEvent.click(screen.getByRole('button', { name: 'Export as CSV' }));
    expect(screen.getByRole('menuitem', { name: 'Totals' })).toBeInTheDocument();
    expect(screen.queryByRole('menuitem', { name: 'All people' })).toBeNull();
  });

  it('asks nothing about the person in a link that somebody sent, and may look at everybody instead', async () => {
    const client = nameless();
    renderPage(<MetricsPage />, client, '/?person=user:default/ana&plugin=techdocs');
    const note = await screen.findByRole('note');
    expect(note).toHaveTextContent('analytics-internal.people.read');
    expect(client.asked).toHaveLength(0);
    await userEvent.click(within(note).getByRole('button', { name: 'Remove the filter by person' }));
    expect(address()).toBe('/?plugin=techdocs');
    expect(await screen.findByText('1–2 of 1,934')).toBeInTheDocument();
  });
});

describe('who may not see the metrics', () => {
  it('sees which permission they need, and nothing is asked', async () => {
    const client = testClient({});
    client.configuration = () => Promise.reject(new ProblemError({ title: 'Not allowed', status: 403 }));
    renderPage(<MetricsPage />, client);
    expect(await screen.findByRole('note')).toHaveTextContent('analytics-internal.read');
    expect(screen.queryByRole('button', { name: /Period/ })).toBeNull();
    expect(screen.queryByRole('alert')).toBeNull();
    expect(client.asked).toHaveLength(0);
  });

  it('sees them once they may', async () => {
    const client = testClient({});
    const ask = client.configuration;
    client.configuration = () => Promise.reject(new ProblemError({ title: 'Not allowed', status: 403 }));
    renderPage(<MetricsPage />, client);
    const again = within(await screen.findByRole('note')).getByRole('button', { name: 'Try again' });
    client.configuration = ask;
    await userEvent.click(again);
    expect(await screen.findByText('1–2 of 1,934')).toBeInTheDocument();
  });

  it('no longer sees them when the permission is taken away', async () => {
    const client = testClient({});
    renderPage(<MetricsPage />, client);
    expect(await screen.findByText('1–2 of 1,934')).toBeInTheDocument();
    client.configuration = () => Promise.reject(new ProblemError({ title: 'Not allowed', status: 403 }));
    await userEvent.click(screen.getByRole('button', { name: 'Refresh' }));
    expect(await screen.findByRole('note')).toHaveTextContent('analytics-internal.read');
    expect(screen.queryByText('1–2 of 1,934')).toBeNull();
  });
});

it('says that the session has ended where it has', async () => {
  const client = testClient({});
  client.configuration = () =>
    Promise.reject(new ProblemError({ title: 'A valid token is needed', status: 401 }));
  renderPage(<MetricsPage />, client);
  expect(await screen.findByRole('alert')).toHaveTextContent('You are no longer signed in.');
});

it('asks for names where they may be seen', async () => {
  const client = testClient({ configuration });
  renderPage(<MetricsPage />, client);
  await waitFor(() => expect(client.asked.some(({ dimensions }) => dimensions[0] === 'person')).toBe(true));
});
