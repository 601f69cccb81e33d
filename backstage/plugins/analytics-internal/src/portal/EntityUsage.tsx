import { stringifyEntityRef } from '@backstage/catalog-model';
import { useEntity } from '@backstage/plugin-catalog-react';
import { UsageCard } from '../components/usageCard/UsageCard';
import { useLegacyPaths, useNewPaths, type PortalPaths } from './paths';
import { PortalPages, type PortalPagesProps } from './PortalPages';

const DOCS_ANNOTATION = 'backstage.io/techdocs-ref';

/** The usage card of the page's entity. */
function EntityUsage({ system, paths, isMounted }: PortalPaths & Pick<PortalPagesProps, 'system'>) {
  const { entity } = useEntity();
  return (
    <PortalPages system={system} paths={paths}>
      <UsageCard
        entityRef={stringifyEntityRef(entity)}
        hasDocs={DOCS_ANNOTATION in (entity.metadata.annotations ?? {})}
        hasPage={isMounted}
      />
    </PortalPages>
  );
}

/** The usage card in the new frontend system. */
export function NewEntityUsage() {
  return <EntityUsage system="new" {...useNewPaths()} />;
}

/** The usage card in the legacy frontend system. */
export function LegacyEntityUsage() {
  return <EntityUsage system="legacy" {...useLegacyPaths()} />;
}
