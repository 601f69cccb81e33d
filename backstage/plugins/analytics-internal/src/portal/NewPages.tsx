import { NotFoundErrorPage } from '@backstage/frontend-plugin-api';
import { Route, Routes } from 'react-router-dom';
import { ActivityDetailsPage } from '../components/details/ActivityDetailsPage';
import { LazyDestinationsPage } from '../components/destinations/LazyDestinationsPage';
import { MetricsPage } from '../components/metrics/MetricsPage';
import { DESTINATIONS, useNewPaths } from './paths';
import { PortalPages } from './PortalPages';
import { useFormatDateToShort } from './useFormatDateToShort';
import { useTop } from './useTop';

/** The pages in the new frontend system, below wherever the app mounts them. */
export function NewPages() {
  useTop();
  const configured = useFormatDateToShort();
  const isTimeShown = configured === undefined ? undefined : !configured;
  return (
    <PortalPages system="new" paths={useNewPaths().paths} isTimeShown={isTimeShown}>
      {/* The portal puts no landmark around a page. */}
      <main>
        <Routes>
          <Route path="/" element={<MetricsPage />} />
          <Route path={DESTINATIONS} element={<LazyDestinationsPage />} />
          <Route path="/items/:id" element={<ActivityDetailsPage />} />
          <Route path="*" element={<NotFoundErrorPage />} />
        </Routes>
      </main>
    </PortalPages>
  );
}
