import { Route, Routes, useParams } from 'react-router-dom';
import { ActivityDetailsPage } from '../components/details/ActivityDetailsPage';
import { LazyDestinationsPage } from '../components/destinations/LazyDestinationsPage';
import { MetricsPage } from '../components/metrics/MetricsPage';
import { LegacyFrame } from './LegacyFrame';
import { DESTINATIONS, useLegacyPaths } from './paths';
import { PortalPages } from './PortalPages';
import { useFormatDateToShort } from './useFormatDateToShort';

/**
 * What the pages of the legacy frontend system take.
 *
 * @public
 */
export interface AnalyticsInternalPageProps {
  /**
   * Whether accesses are shown with their day alone, `16/07/2025`, instead of with their time, `16/07/2025 12:44:14`.
   *
   * @defaultValue `analyticsInternal.formatDateToShort` of app-config, or true
   */
  formatDateToShort?: boolean;
}

function LegacyPortal({
  formatDateToShort,
  children,
}: AnalyticsInternalPageProps & { children: JSX.Element }) {
  const configured = useFormatDateToShort();
  return (
    <PortalPages
      system="legacy"
      Frame={LegacyFrame}
      paths={useLegacyPaths().paths}
      isTimeShown={!(formatDateToShort ?? configured ?? true)}
    >
      {children}
    </PortalPages>
  );
}

/** The metrics; below them the destinations, and the details for apps that give those no route of their own. */
export function LegacyMetricsPage(props: AnalyticsInternalPageProps) {
  return (
    <LegacyPortal {...props}>
      <Routes>
        <Route path="/" element={<MetricsPage />} />
        <Route path={DESTINATIONS} element={<LazyDestinationsPage />} />
        <Route path="/:id" element={<ActivityDetailsPage />} />
      </Routes>
    </LegacyPortal>
  );
}

/**
 * The details of the activity that the route's `:id` names.
 *
 * The destinations too: their address is right below the page's, where apps have the route of the details. An activity's
 * id is a number.
 */
export function LegacyDetailsPage(props: AnalyticsInternalPageProps) {
  const { id } = useParams();
  return (
    <LegacyPortal {...props}>
      {`/${id}` === DESTINATIONS ? <LazyDestinationsPage /> : <ActivityDetailsPage />}
    </LegacyPortal>
  );
}
