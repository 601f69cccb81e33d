import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactElement } from 'react';
import { Route } from 'react-router-dom';
import { ActivityInsightDetailsPage, AnalyticsInternalPage, AnalyticsInternalSidebarItem } from '..';
import { renderLegacyApp } from './__testUtils__/legacyApp';
import { serviceFetch } from './__testUtils__/service';

/** The routes of the original's README. */
const documented = [
  <Route key="page" path="/analytics-internal" element={<AnalyticsInternalPage />} />,
  <Route key="details" path="/analytics-internal/:id" element={<ActivityInsightDetailsPage />} />,
];

function showApp(address: string, routes: ReactElement[] = documented, beside?: ReactElement) {
  const service = serviceFetch();
  renderLegacyApp({ routes, address, beside, fetch: service.fetch });
  return service;
}

const heading = (name: string) => screen.findByRole('heading', { name, level: 1 });

describe('in the legacy frontend system', () => {
  it('shows the metrics in the portal’s own frame', async () => {
    const { asked } = showApp('/analytics-internal');
    expect(await heading('Metrics')).toBeInTheDocument();
    expect(await screen.findByText('1–2 of 1,934')).toBeInTheDocument();
    expect(asked[0]?.url).toBe('http://localhost:7007/api/analytics-internal/configuration');
  });

  it('leads to the details right below the page, as the original does', async () => {
    showApp('/analytics-internal?plugin=techdocs');
    const [details] = await screen.findAllByRole('link', { name: 'View details of navigate /catalog' });
    expect(details).toHaveAttribute('href', '/analytics-internal/1?plugin=techdocs');
    await userEvent.click(details!);
    expect(await heading('Activity details')).toBeInTheDocument();
    expect(screen.getByRole('link', { name: 'Metrics' })).toHaveAttribute(
      'href',
      '/analytics-internal?plugin=techdocs',
    );
  });

  it('shows the details also where only the page was given a route', async () => {
    showApp('/analytics-internal/1', [documented[0]!]);
    expect(await heading('Activity details')).toBeInTheDocument();
    expect(await screen.findByRole('region', { name: 'User Access History' })).toBeInTheDocument();
  });

  it.each([
    ['with the documented routes', documented],
    ['also where only the page was given a route', [documented[0]!]],
  ])('leads administrators from the metrics to the destinations, %s', async (_, routes) => {
    showApp('/analytics-internal', routes);
    await userEvent.click(await screen.findByRole('link', { name: 'Destinations' }));
    expect(await heading('Destinations')).toBeInTheDocument();
    expect(window.location.pathname).toBe('/analytics-internal/destinations');
    expect(await screen.findByRole('region', { name: 'Nothing is forwarded yet' })).toBeInTheDocument();
  });

  it('shows the day of an access alone', async () => {
    showApp('/analytics-internal/1');
    const about = await screen.findByRole('region', { name: 'About' });
    expect(await within(about).findByText('07/16/2026')).toBeInTheDocument();
  });

  it.each([
    ['/analytics-internal', <AnalyticsInternalPage key="page" formatDateToShort={false} />],
    ['/analytics-internal/:id', <ActivityInsightDetailsPage key="details" formatDateToShort={false} />],
  ])('shows the time of an access with formatDateToShort={false} at %s', async (path, element) => {
    showApp(path.replace(':id', '1'), [<Route key={path} path={path} element={element} />]);
    expect(await screen.findAllByText('07/16/2026, 12:44:14 PM')).not.toHaveLength(0);
  });

  it.each([
    ['shows the time of an access where that is configured', <AnalyticsInternalPage key="page" />, true],
    ['does not where the code says otherwise', <AnalyticsInternalPage key="page" formatDateToShort />, false],
  ])('%s', async (_, page, isTimeShown) => {
    const { fetch } = serviceFetch();
    const routes = [<Route key="page" path="/analytics-internal" element={page} />];
    renderLegacyApp({ routes, fetch, address: '/analytics-internal', formatDateToShort: false });
    const log = within(await screen.findByRole('region', { name: 'Activity Log' }));
    await log.findAllByText(/^07\/16\/2026/);
    expect(log.queryAllByText('07/16/2026, 12:44:14 PM').length > 0).toBe(isTimeShown);
  });

  it('keeps to the path that the portal is served under', async () => {
    const { fetch } = serviceFetch();
    renderLegacyApp({ routes: documented, fetch, basePath: '/portal', address: '/analytics-internal' });
    const log = within(await screen.findByRole('region', { name: 'Activity Log' }));
    expect(await log.findByRole('link', { name: '/catalog' })).toHaveAttribute('href', '/portal/catalog');
    const [details] = log.getAllByRole('link', { name: 'View details of navigate /catalog' });
    await userEvent.click(details!);
    expect(await heading('Activity details')).toBeInTheDocument();
    expect(window.location.pathname).toBe('/portal/analytics-internal/1');
  });

  it('has an item for the sidebar', async () => {
    showApp('/', documented, <AnalyticsInternalSidebarItem />);
    await userEvent.click(await screen.findByRole('link', { name: 'Metrics' }));
    expect(await heading('Metrics')).toBeInTheDocument();
  });
});
