import { Route, Routes } from 'react-router-dom';
import { ActivityDetailsPage } from '../components/details/ActivityDetailsPage';
import { MetricsPage } from '../components/metrics/MetricsPage';
import { LegacyFrame } from './LegacyFrame';
import { useLegacyPaths } from './paths';
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

/** The metrics; below them the details, for apps that give those no route of their own. */
export function LegacyMetricsPage(props: AnalyticsInternalPageProps) {
  return (
    <LegacyPortal {...props}>
      <Routes>
        <Route path="/" element={<MetricsPage />} />
        <Route path="/:id" element={<ActivityDetailsPage />} />
      </Routes>
    </LegacyPortal>
  );
}

/** The details of the activity that the route's `:id` names. */
export function LegacyDetailsPage(props: AnalyticsInternalPageProps) {
  return (
    <LegacyPortal {...props}>
      <ActivityDetailsPage />
    </LegacyPortal>
  );
}
