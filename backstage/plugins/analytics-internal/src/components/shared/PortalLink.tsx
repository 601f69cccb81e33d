import { Link } from '@backstage/ui';
import { RiExternalLinkLine } from '@remixicon/react';
import { MiddleCut } from './MiddleCut';
import styles from './PortalLink.module.css';
import type { PortalPlace } from './usePortalLink';

export interface PortalLinkProps {
  place: PortalPlace;
  text: string;
  /** What a screen reader says of a link that leaves the pages. */
  elsewhere: string;
  /** What shows on hover; the text where it is not given. */
  title?: string;
  /** Whether the text names a person: clicks on it are not tracked. */
  isPerson?: boolean;
}

/** A link into the portal. From outside of the portal it opens a new tab and says so. */
export function PortalLink({ place, text, elsewhere, title, isPerson = false }: PortalLinkProps) {
  const away = { target: '_blank', rel: 'noreferrer', 'aria-label': elsewhere };
  return (
    <Link className={styles.link} href={place.href} noTrack={isPerson} {...(place.isElsewhere && away)}>
      <MiddleCut text={text} title={title} />
      {place.isElsewhere && <RiExternalLinkLine size={14} aria-hidden className={styles.icon} />}
    </Link>
  );
}
