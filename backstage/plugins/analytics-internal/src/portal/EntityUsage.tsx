import { stringifyEntityRef, type Entity } from '@backstage/catalog-model';
import { useEntity } from '@backstage/plugin-catalog-react';
import { UsageCard } from '../components/usageCard/UsageCard';
import { useLegacyPaths, useNewPaths } from './paths';
import { PortalPages } from './PortalPages';

const DOCS_ANNOTATION = 'backstage.io/techdocs-ref';

function cardOf(entity: Entity, hasPage: boolean) {
  return (
    <UsageCard
      entityRef={stringifyEntityRef(entity)}
      hasDocs={DOCS_ANNOTATION in (entity.metadata.annotations ?? {})}
      hasPage={hasPage}
    />
  );
}

/** The usage card of the page's entity, in the new frontend system. */
export function NewEntityUsage() {
  const { entity } = useEntity();
  const { paths, isMounted } = useNewPaths();
  return (
    <PortalPages system="new" paths={paths}>
      {cardOf(entity, isMounted)}
    </PortalPages>
  );
}

/** The usage card of the page's entity, in the legacy frontend system. */
export function LegacyEntityUsage() {
  const { entity } = useEntity();
  const { paths, isMounted } = useLegacyPaths();
  return (
    <PortalPages system="legacy" paths={paths}>
      {cardOf(entity, isMounted)}
    </PortalPages>
  );
}
