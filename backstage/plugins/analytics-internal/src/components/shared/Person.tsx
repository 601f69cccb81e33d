import { catalogPath } from '../../format/entityRefs';
import { addressOf } from '../../view/address';
import { usePages } from '../context/PagesContext';
import { PersonLink } from './PersonLink';
import { PersonName } from './PersonName';
import { PortalLink } from './PortalLink';
import { usePortalLink } from './usePortalLink';

/** A person, as a link to the catalog, or else to the metrics of this person alone. */
export function Person({ person }: { person: string | null }) {
  const { t, paths, around } = usePages();
  const portalLink = usePortalLink();
  const entityPath = around.kind === 'portal' ? around.entityPath : catalogPath;
  const place = person === null ? null : portalLink(entityPath(person));
  if (place === null || person === null) {
    return <PersonLink person={person} hrefOf={(view) => addressOf(paths.metrics, view)} />;
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
