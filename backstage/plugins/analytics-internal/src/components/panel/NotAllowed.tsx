import { RiLockLine } from '@remixicon/react';
import type { ReactNode } from 'react';
import type { MessageKey } from '../../translations/translate';
import { usePages } from '../context/PagesContext';
import { ADMIN, PEOPLE_READ, READ, type Permission } from '../context/permission';
import styles from './NotAllowed.module.css';

const refusals = {
  [READ]: 'notAllowed.read',
  [PEOPLE_READ]: 'notAllowed.people',
  [ADMIN]: 'notAllowed.admin',
} as const satisfies Record<Permission, MessageKey>;

export interface NotAllowedProps {
  /** The permission that is missing. */
  permission: Permission;
  /** What can be done about it, such as a button. */
  children?: ReactNode;
}

/** Says that something is not shown, and which permission it needs. It is a note and not an error. */
export function NotAllowed({ permission, children }: NotAllowedProps) {
  const { t } = usePages();
  return (
    <div role="note" className={styles.note}>
      <RiLockLine size={20} aria-hidden className={styles.icon} />
      <p className={styles.what}>{t(refusals[permission])}</p>
      <p>{t('notAllowed.needed', { permission })}</p>
      {children}
    </div>
  );
}
