import type { Item } from '../../api/query';
import { usePages } from '../context/PagesContext';
import { MiddleCut } from './MiddleCut';
import { PortalLink } from './PortalLink';
import { usePortalLink } from './usePortalLink';

/** The subject of an item, as a link into the portal if it has a path there. */
export function Subject({ item }: { item: Item }) {
  const { t } = usePages();
  const place = usePortalLink()(item.path);
  if (place === null) return <MiddleCut text={item.subject} />;
  return (
    <PortalLink place={place} text={item.subject} elsewhere={t('log.open', { subject: item.subject })} />
  );
}
