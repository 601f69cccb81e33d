import type { Entity } from '@backstage/catalog-model';
import { createExtensionTester, renderInTestApp } from '@backstage/frontend-test-utils';
import { EntityProvider } from '@backstage/plugin-catalog-react';
import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Route } from 'react-router-dom';
import plugin, { AnalyticsInternalPage, analyticsInternalApiRef, EntityAnalyticsInternalCard } from '..';
import { testClient } from '../components/__testUtils__/testPages';
import { renderLegacyApp } from './__testUtils__/legacyApp';
import { serviceFetch } from './__testUtils__/service';
import { rootRouteRef } from './routes';

const payments: Entity = {
  apiVersion: 'backstage.io/v1alpha1',
  kind: 'Component',
  metadata: { name: 'payments', annotations: { 'backstage.io/techdocs-ref': 'dir:.' } },
};
const aboutPayments = ['is', 'entity', ['component:default/payments']];

describe('the usage card of an entity', () => {
  it('is about the entity of the page in the new system, and leads to all of its metrics', async () => {
    const client = testClient({});
    const card = createExtensionTester(plugin.getExtension('entity-card:analytics-internal/usage'));
    renderInTestApp(<EntityProvider entity={payments}>{card.reactElement()}</EntityProvider>, {
      mountedRoutes: { '/numbers': rootRouteRef },
      apis: [[analyticsInternalApiRef, client]],
    });
    const usage = await screen.findByRole('region', { name: 'Usage' });
    expect(await within(usage).findByRole('tab', { name: 'Doc pages' })).toBeInTheDocument();
    expect(
      client.asked.every(({ filters }) => JSON.stringify(filters).includes(JSON.stringify(aboutPayments))),
    ).toBe(true);
    expect(within(usage).getByRole('link', { name: /All metrics of/ })).toHaveAttribute(
      'href',
      '/numbers?period=30d&entity=component%3Adefault%2Fpayments',
    );
  });

  it('is about the entity of the page in the legacy system', async () => {
    const service = serviceFetch();
    renderLegacyApp({
      address: '/payments',
      fetch: service.fetch,
      routes: [
        <Route key="page" path="/analytics-internal" element={<AnalyticsInternalPage />} />,
        <Route
          key="entity"
          path="/payments"
          element={
            <EntityProvider entity={payments}>
              <EntityAnalyticsInternalCard />
            </EntityProvider>
          }
        />,
      ],
    });
    const usage = await screen.findByRole('region', { name: 'Usage' });
    await userEvent.click(await within(usage).findByRole('tab', { name: 'Readers' }));
    expect(await within(usage).findByText('ana')).toBeInTheDocument();
    expect(within(usage).getByRole('link', { name: /All metrics of/ })).toHaveAttribute(
      'href',
      '/analytics-internal?period=30d&entity=component%3Adefault%2Fpayments',
    );
  });

  it('leads nowhere in an app without the metrics page', async () => {
    const service = serviceFetch();
    const entity = (
      <EntityProvider entity={payments}>
        <EntityAnalyticsInternalCard />
      </EntityProvider>
    );
    const routes = [<Route key="entity" path="/payments" element={entity} />];
    renderLegacyApp({ address: '/payments', fetch: service.fetch, routes });
    const usage = await screen.findByRole('region', { name: 'Usage' });
    expect(await within(usage).findByRole('tab', { name: 'Doc pages' })).toBeInTheDocument();
    expect(within(usage).queryByRole('link', { name: /All metrics of/ })).toBeNull();
  });
});
