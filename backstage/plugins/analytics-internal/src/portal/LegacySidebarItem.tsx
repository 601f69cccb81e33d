import { SidebarItem } from '@backstage/core-components';
import { RiBarChartBoxLine } from '@remixicon/react';
import { useLegacyPaths } from './paths';
import { useLanguage } from './useLanguage';

function MetricsIcon() {
  return <RiBarChartBoxLine size={20} />;
}

/** The metrics in the sidebar, named in the portal's language. */
export function LegacySidebarItem() {
  const { t } = useLanguage();
  return <SidebarItem icon={MetricsIcon} to={useLegacyPaths().paths.metrics} text={t('page.metrics')} />;
}
