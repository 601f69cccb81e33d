import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { ProblemError } from '../../api/problem';
import { MetricsPage } from './MetricsPage';
import { answerTo, METRICS_QUESTIONS, renderPage, testClient, titled } from '../__testUtils__/testPages';

const address = () => screen.getByTestId('address').textContent;
const panel = (name: string) => screen.findByRole('region', { name });

describe('the metrics page', () => {
  it('asks every question for the same period and under the same filters', async () => {
    const client = testClient({});
    renderPage(<MetricsPage />, client, '/?period=90d&plugin=techdocs');
    await screen.findByText('1–2 of 1,934');
    expect(client.asked).toHaveLength(METRICS_QUESTIONS);
    for (const query of client.asked) {
      expect(query.date_range).toEqual({ last: '90d' });
      expect(JSON.stringify(query.filters)).toContain('["is","plugin",["techdocs"]]');
    }
  });

  it('rounds in the tiles and keeps the exact figure on hover', async () => {
    renderPage(<MetricsPage />, testClient({}));
    expect(await screen.findByText('12.5k')).toHaveAttribute('title', '12,480');
  });

  it('says one person, not one people, where the figures changed', async () => {
    const one = { value: 1, previous: 0 };
    const client = testClient({
      query: (query) => {
        const answer = answerTo(query);
        const results = answer.results
          .slice(0, 1)
          .map((row) => ({ ...row, events: one, people: one, items: one }));
        return { ...answer, results, meta: { ...answer.meta, total_rows: 1 } };
      },
    });
    renderPage(<MetricsPage />, client);
    expect(await screen.findByText('Updated: 1 event, 1 person, 1 item.')).toBeInTheDocument();
    expect(await screen.findByText('Activity Log: row 1 of 1')).toBeInTheDocument();
  });

  it('says a change in % only where the base allows it', async () => {
    renderPage(<MetricsPage />, testClient({}));
    expect(await screen.findByText('16% more than in the previous period (300)')).toBeInTheDocument();
    expect(screen.getByText('before: 3')).toBeInTheDocument();
  });

  it('shows the curve of the chosen tile', async () => {
    const client = testClient({});
    renderPage(<MetricsPage />, client);
    await userEvent.click(await screen.findByRole('button', { name: /People/ }));
    expect(address()).toBe('/?metric=people');
    expect(await panel('People over time')).toBeInTheDocument();
    await waitFor(() => expect(client.asked.at(-1)?.metrics).toEqual(['people']));
  });

  it('shows the curve as a table with every bucket, whose days are links', async () => {
    renderPage(<MetricsPage />, testClient({}));
    const curve = await panel('Events over time');
    await userEvent.click(await within(curve).findByRole('button', { name: 'Show as table' }));
    const table = await within(curve).findByRole('table', { name: 'Events per day' });
    expect(within(table).getByRole('row', { name: /25\/11\/2026.*not over yet.* 0 / })).toBeInTheDocument();
    await userEvent.click(within(table).getByRole('link', { name: /24\/11\/2026/ }));
    expect(address()).toBe('/?from=2026-11-24&to=2026-11-24');
  });

  it('makes a filter of a person, the unknown one too', async () => {
    renderPage(<MetricsPage />, testClient({}));
    const people = await panel('Actions Performed (Total)');
    await userEvent.click(await within(people).findByRole('link', { name: 'Unknown person' }));
    expect(address()).toBe('/?person=');
    expect(await screen.findByText('person is Unknown person')).toBeInTheDocument();
  });

  it('calls people by the names of the catalog, with their refs on hover', async () => {
    const client = testClient({ query: titled({ 'user:default/ana': 'Ana María' }) });
    renderPage(<MetricsPage />, client);
    const people = within(await panel('Actions Performed (Total)'));
    const ana = await people.findByRole('link', { name: 'Ana María' });
    expect(within(ana).getByTitle('user:default/ana')).toBeInTheDocument();
    expect(people.queryByText('ana')).toBeNull();
    await userEvent.click(ana);
    expect(address()).toBe('/?person=user%3Adefault%2Fana');
    expect(await screen.findByText('person is Ana María')).toHaveAttribute('title', 'user:default/ana');
  });

  it('asks what the catalog calls an entity that the view is filtered by, whether it was used or not', async () => {
    const ref = 'component:default/payments';
    const client = testClient({
      query: (query) =>
        (query.dimensions.includes('entity') ? titled({ [ref]: 'Payments' }) : answerTo)(query),
    });
    renderPage(<MetricsPage />, client, `/?entity=${ref}&entity.contains=default`);
    expect(await screen.findByText('entity is Payments')).toHaveAttribute('title', ref);
    expect(screen.getByText('entity contains default')).toBeInTheDocument();
    const [asked, ...more] = client.asked.filter(({ dimensions }) => dimensions.includes('entity'));
    expect(asked).toMatchObject({
      filters: ['is', 'entity', [ref]],
      date_range: 'all',
      unused: 'include',
      position: 1,
    });
    expect(more).toEqual([]);
  });

  it('offers people by their names to filter by', async () => {
    renderPage(<MetricsPage />, testClient({ query: titled({ 'user:default/ana': 'Ana María' }) }));
    await userEvent.click(await screen.findByRole('button', { name: 'Filter' }));
    await userEvent.click(await screen.findByRole('menuitem', { name: 'person' }));
    const values = within(await screen.findByRole('dialog'));
    expect(await values.findByRole('checkbox', { name: 'Ana María' })).toBeInTheDocument();
    expect(values.getByTitle('user:default/ana')).toHaveTextContent('Ana María');
  });

  it('links what has a path into the portal, and nothing else', async () => {
    renderPage(<MetricsPage />, testClient({}));
    const log = await panel('Activity Log');
    const link = await within(log).findByRole('link', { name: '/catalog (opens in the portal)' });
    expect(link).toHaveAttribute('href', 'https://portal.example/catalog');
    expect(within(log).queryByRole('link', { name: 'Create (opens in the portal)' })).toBeNull();
  });

  it('links nothing into a portal it does not know', async () => {
    renderPage(<MetricsPage />, testClient({ configuration: { portal_url: null } }));
    const log = await panel('Activity Log');
    await within(log).findAllByText('/catalog');
    expect(within(log).queryByRole('link', { name: /opens in the portal/ })).toBeNull();
  });

  it('lets the server sort and page', async () => {
    const client = testClient({});
    renderPage(<MetricsPage />, client);
    const log = await panel('Activity Log');
    await userEvent.click(await within(log).findByRole('columnheader', { name: /Last access/ }));
    expect(address()).toBe('/?sort=-last_access');
    await waitFor(() => expect(client.asked.at(-1)?.order_by).toEqual([['last_access', 'desc']]));
    expect(within(log).getByRole('columnheader', { name: /Last access/ })).toHaveAttribute(
      'aria-sort',
      'descending',
    );
    await userEvent.click(within(log).getByRole('button', { name: 'Next page' }));
    expect(address()).toBe('/?sort=-last_access&cursor=1.next');
    await waitFor(() => expect(client.asked.at(-1)?.cursor).toBe('next'));
  });

  it('searches the whole log once the typing pauses', async () => {
    const client = testClient({});
    renderPage(<MetricsPage />, client, '/?cursor=1.next');
    await userEvent.type(await screen.findByRole('searchbox', { name: 'Search all rows' }), 'pay');
    await waitFor(() => expect(address()).toBe('/?search=pay'));
    const searched = client.asked.filter(({ filters }) => JSON.stringify(filters).includes('contains'));
    expect(searched.map(({ filters }) => filters)).toEqual([['contains', 'subject', ['pay']]]);
  });

  it('goes to the first page where the place in the answer is no longer known', async () => {
    const client = testClient({
      query: (query) => {
        if (!query.cursor) return answerTo(query);
        const errors = [{ field: 'cursor', detail: 'is not known' }];
        throw new ProblemError({ title: 'Bad query', status: 400, errors });
      },
    });
    renderPage(<MetricsPage />, client, '/?cursor=1.old');
    await waitFor(() => expect(address()).toBe('/'));
    expect(await screen.findAllByText('/catalog')).not.toHaveLength(0);
  });

  it('lets an error take down its own panel only', async () => {
    let isBroken = true;
    const client = testClient({
      query: (query) => {
        if (!isBroken || query.dimensions[0] !== 'person') return answerTo(query);
        throw new ProblemError({ title: 'Broken', status: 422, detail: 'The reader was not in the mood.' });
      },
    });
    renderPage(<MetricsPage />, client);
    const people = await panel('Actions Performed (Total)');
    const alert = await within(people).findByRole('alert');
    expect(alert).toHaveTextContent('Actions Performed (Total): could not be loaded');
    expect(alert).toHaveTextContent('The reader was not in the mood.');
    expect(screen.getAllByRole('alert')).toHaveLength(1);
    isBroken = false;
    await userEvent.click(within(alert).getByRole('button', { name: 'Try again' }));
    expect(await within(people).findByRole('link', { name: 'ana' })).toBeInTheDocument();
  });

  it('says what to do before the first event', async () => {
    renderPage(<MetricsPage />, testClient({ configuration: { first_day: null } }));
    expect(await screen.findByRole('heading', { name: 'No events yet' })).toBeInTheDocument();
    expect(screen.getByText(/analytics-internal import FILE --url http:/)).toBeInTheDocument();
  });

  it('tells nothing in this period from nothing ever', async () => {
    const nothing = {
      query: (query: Parameters<typeof answerTo>[0]) => ({ ...answerTo(query), results: [] }),
    };
    renderPage(<MetricsPage />, testClient(nothing), '/?plugin=techdocs');
    expect(await screen.findAllByText('Nothing in this period matches the filters.')).not.toHaveLength(0);
    expect(screen.queryByText('No events yet')).toBeNull();
  });

  it('does not compare with days on which nothing was collected', async () => {
    renderPage(<MetricsPage />, testClient({ configuration: { first_day: '2026-10-20' } }));
    const notes = await screen.findAllByText('nothing to compare with: collection began on 20/10/2026');
    expect(notes).toHaveLength(3);
  });
});
