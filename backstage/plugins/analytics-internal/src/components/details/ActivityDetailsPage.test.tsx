import { screen, within } from '@testing-library/react';
import { ActivityDetailsPage } from './ActivityDetailsPage';
import { answerTo, renderPage, testClient, titled } from '../__testUtils__/testPages';

describe('the details of an activity', () => {
  it('says what it is and when it was first accessed, whatever the period', async () => {
    const client = testClient({});
    renderPage(<ActivityDetailsPage />, client, '/items/1?period=7d');
    const about = await screen.findByRole('region', { name: 'About' });
    expect(await within(about).findByText('16/07/2026, 12:44:14')).toBeInTheDocument();
    expect(within(about).getByText('navigate')).toBeInTheDocument();
    const ever = client.asked.find(({ date_range }) => date_range === 'all');
    expect(ever?.filters).toEqual(['is', 'item', [1]]);
  });

  it('leads from a person to the catalog', async () => {
    renderPage(<ActivityDetailsPage />, testClient({}), '/items/1');
    const history = await screen.findByRole('region', { name: 'User Access History' });
    const link = await within(history).findByRole('link', { name: 'ana (opens in the catalog)' });
    expect(link).toHaveAttribute('href', 'https://portal.example/catalog/default/user/ana');
    expect(within(history).getByText('Unknown person')).toBeInTheDocument();
  });

  it('calls a person by the name of the catalog, with the ref on hover', async () => {
    const client = testClient({ query: titled({ 'user:default/ana': 'Ana María' }) });
    renderPage(<ActivityDetailsPage />, client, '/items/1');
    const history = await screen.findByRole('region', { name: 'User Access History' });
    const link = await within(history).findByRole('link', { name: 'Ana María (opens in the catalog)' });
    expect(link).toHaveAttribute('href', 'https://portal.example/catalog/default/user/ana');
    expect(within(link).getByTitle('user:default/ana')).toBeInTheDocument();
  });

  it('takes the view back to the metrics', async () => {
    renderPage(<ActivityDetailsPage />, testClient({}), '/items/1?period=7d&plugin=techdocs&sort=events');
    const back = await screen.findByRole('link', { name: 'Metrics' });
    expect(back).toHaveAttribute('href', '/?period=7d&plugin=techdocs');
  });

  it.each(['/items/nonsense', '/items/99'])('says that there is nothing at %s', async (address) => {
    const nothing = testClient({ query: (query) => ({ ...answerTo(query), results: [] }) });
    renderPage(<ActivityDetailsPage />, nothing, address);
    expect(await screen.findByRole('heading', { name: 'There is no such activity' })).toBeInTheDocument();
  });
});
