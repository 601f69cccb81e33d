import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { ProblemError } from '../../api/problem';
import type { Query } from '../../api/query';
import { answerTo, renderPage, testClient, titled } from '../__testUtils__/testPages';
import type { InPortal } from '../context/PagesContext';
import { UsageCard } from './UsageCard';

const portal: InPortal = {
  kind: 'portal',
  system: 'new',
  entityPath: (ref) => `/catalog/${ref}`,
  Named: ({ entityRef, children }) => <>{children(`${entityRef} by name`)}</>,
};

function showCard(client = testClient({}), { hasDocs = true, address = '/' } = {}) {
  renderPage(
    <UsageCard entityRef="component:default/payments" hasDocs={hasDocs} hasPage />,
    client,
    address,
    portal,
  );
  return client;
}

const card = () => screen.findByRole('region', { name: 'Usage' });
const tab = async (name: string) => userEvent.click(await screen.findByRole('tab', { name }));
const last = ({ asked }: { asked: Query[] }) => asked.at(-1)!;

describe('the usage card', () => {
  it('counts views and people of 30 days against the 30 before', async () => {
    const client = showCard();
    const figures = within(await card());
    expect(await figures.findByText('348')).toBeInTheDocument();
    expect(figures.getByText('16% more than in the previous period (300)')).toBeInTheDocument();
    const about = ['and', ['is', 'entity', ['component:default/payments']], ['is', 'action', ['navigate']]];
    expect(client.asked[0]).toMatchObject({
      filters: about,
      date_range: { last: '30d' },
      compare: 'previous_period',
    });
  });

  it('asks all of its questions as of one position, whatever the address of the page says', async () => {
    const client = showCard(testClient({ configuration: { position: 7 } }), {
      address: '/?period=7d&plugin=other',
    });
    await tab('Searches');
    await waitFor(() => expect(client.asked).toHaveLength(4));
    expect(client.asked.map(({ position }) => position)).toEqual([7, 7, 7, 7]);
    expect(JSON.stringify(client.asked)).not.toContain('other');
  });

  it('lists the pages of the documentation that were read most, each leading to it', async () => {
    const client = showCard();
    const page = await screen.findByRole('link', { name: 'runbooks/on-call' });
    expect(page).toHaveAttribute('href', '/docs/default/component/payments/runbooks/on-call');
    expect(screen.getByRole('link', { name: 'First page' })).toBeInTheDocument();
    expect(JSON.stringify(last(client).filters)).toContain('["is_not","doc_page",[null]]');
  });

  it('lists the searches whose result led here', async () => {
    const client = showCard();
    await tab('Searches');
    expect(await screen.findByText('how to refund')).toBeInTheDocument();
    expect(last(client).dimensions).toEqual(['search_term']);
    expect(JSON.stringify(last(client).filters)).toContain('["is","action",["discover"]]');
  });

  it('lists who looked at it most, by the names of the catalog', async () => {
    showCard();
    await tab('Readers');
    const reader = await screen.findByRole('link', { name: 'user:default/ana by name' });
    expect(reader).toHaveAttribute('href', '/catalog/user:default/ana');
  });

  it('calls them as the answer does, whatever the portal has loaded of the catalog', async () => {
    showCard(testClient({ query: titled({ 'user:default/ana': 'Ana María' }) }));
    await tab('Readers');
    const reader = await screen.findByRole('link', { name: 'Ana María' });
    expect(within(reader).getByTitle('user:default/ana')).toBeInTheDocument();
    expect(
      screen.getByRole('link', { name: 'All metrics of component:default/payments by name' }),
    ).toBeVisible();
  });

  it('offers no names to whoever may not see them', async () => {
    const client = showCard(
      testClient({ configuration: { may: { read: true, people: false, admin: false } } }),
    );
    await screen.findByRole('tab', { name: 'Searches' });
    expect(screen.queryByRole('tab', { name: 'Readers' })).toBeNull();
    expect(client.asked.some(({ dimensions }) => dimensions.includes('person'))).toBe(false);
  });

  it('offers no pages of documentation where there is none', async () => {
    showCard(undefined, { hasDocs: false });
    await screen.findByRole('tab', { name: 'Searches' });
    expect(screen.queryByRole('tab', { name: 'Doc pages' })).toBeNull();
  });

  it('says that nobody looked where nobody did', async () => {
    const nobody = { value: 0, previous: 4 };
    const client = testClient({
      query: (query) => ({ ...answerTo(query), results: [{ events: nobody, people: nobody }] as never }),
    });
    showCard(client);
    expect(await screen.findByText('Nobody has looked at this in 30 days.')).toBeInTheDocument();
    expect(screen.queryByRole('tab')).toBeNull();
  });

  it('says so before the first event too', async () => {
    showCard(testClient({ configuration: { first_day: null } }));
    expect(await screen.findByText('Nobody has looked at this in 30 days.')).toBeInTheDocument();
  });

  it('says which permission it needs', async () => {
    const client = testClient({});
    client.configuration = () => Promise.reject(new ProblemError({ title: 'Not allowed', status: 403 }));
    showCard(client);
    expect(await screen.findByRole('note')).toHaveTextContent('analytics-internal.read');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('says what failed and tries again', async () => {
    let isBroken = true;
    const client = testClient({
      query: (query) => {
        if (!isBroken) return answerTo(query);
        throw new ProblemError({ title: 'Broken', status: 422, detail: 'The reader was not in the mood.' });
      },
    });
    showCard(client);
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('The reader was not in the mood.');
    isBroken = false;
    await userEvent.click(within(alert).getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('348')).toBeInTheDocument();
  });
});
