import { Link } from '@backstage/ui';
import { RiExternalLinkLine } from '@remixicon/react';
import type { Item } from '../api/query';
import { MiddleCut } from './MiddleCut';
import { usePages } from './PagesContext';
import styles from './Subject.module.css';
import { usePortalLink } from './usePortalLink';

/** What an action was done to; a link into the portal where it leads somewhere. */
export function Subject({ item }: { item: Item }) {
  const { t } = usePages();
  const href = usePortalLink()(item.path);
  if (href === null) return <MiddleCut text={item.subject} />;
  return (
    <Link
      className={styles.link}
      href={href}
      target="_blank"
      rel="noreferrer"
      aria-label={t('log.open', { subject: item.subject })}
    >
      <MiddleCut text={item.subject} />
      <RiExternalLinkLine size={14} aria-hidden className={styles.icon} />
    </Link>
  );
}
