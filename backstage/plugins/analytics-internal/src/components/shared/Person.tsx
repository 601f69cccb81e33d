import { catalogPath } from '../../format/entityRefs';
import { viewParameters } from '../../view/address';
import type { View } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { PersonLink } from './PersonLink';
import { PersonName } from './PersonName';
import { PortalLink } from './PortalLink';
import { usePortalLink } from './usePortalLink';

/** A person; a link to the catalog, or where that is not known to what they alone did. */
export function Person({ person }: { person: string | null }) {
  const { t, paths, around } = usePages();
  const portalLink = usePortalLink();
  const entityPath = around.kind === 'portal' ? around.entityPath : catalogPath;
  const place = person === null ? null : portalLink(entityPath(person));
  if (place === null || person === null) {
    const metricsOf = (view: View) => `${paths.metrics}?${viewParameters(view).toString()}`;
    return <PersonLink person={person} hrefOf={metricsOf} />;
  }
  return (
    <PersonName person={person}>
      {(name) => (
        <PortalLink
          place={place}
          text={name}
          title={person}
          elsewhere={t('history.catalog', { person: name })}
          isPerson
        />
      )}
    </PersonName>
  );
}
