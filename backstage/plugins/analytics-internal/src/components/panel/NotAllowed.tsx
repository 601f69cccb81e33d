import { RiLockLine } from '@remixicon/react';
import type { ReactNode } from 'react';
import { usePages } from '../context/PagesContext';
import { READ, type Permission } from '../context/permission';
import styles from './NotAllowed.module.css';

export interface NotAllowedProps {
  /** The one that is needed. */
  permission: Permission;
  /** What one can do about it here. */
  children?: ReactNode;
}

/** What is not shown to this person, and what it would need. No error: nothing went wrong. */
export function NotAllowed({ permission, children }: NotAllowedProps) {
  const { t } = usePages();
  return (
    <div role="note" className={styles.note}>
      <RiLockLine size={20} aria-hidden className={styles.icon} />
      <p className={styles.what}>{t(permission === READ ? 'notAllowed.read' : 'notAllowed.people')}</p>
      <p>{t('notAllowed.needed', { permission })}</p>
      {children}
    </div>
  );
}
