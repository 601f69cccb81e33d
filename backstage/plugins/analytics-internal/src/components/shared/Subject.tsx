import type { Item } from '../../api/query';
import { usePages } from '../context/PagesContext';
import { MiddleCut } from './MiddleCut';
import { PortalLink } from './PortalLink';
import { usePortalLink } from './usePortalLink';

/** What an action was done to; a link into the portal where it leads somewhere. */
export function Subject({ item }: { item: Item }) {
  const { t } = usePages();
  const place = usePortalLink()(item.path);
  if (place === null) return <MiddleCut text={item.subject} />;
  return (
    <PortalLink place={place} text={item.subject} elsewhere={t('log.open', { subject: item.subject })} />
  );
}
