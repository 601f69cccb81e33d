import { usePages } from '../context/PagesContext';
import styles from './Waiting.module.css';

export interface WaitingProps {
  /** What is being loaded, in words. */
  what: string;
}

/** Shown until an answer arrives. Its height is `--reserved`. */
export function Waiting({ what }: WaitingProps) {
  const { t } = usePages();
  return <div className={styles.waiting} role="status" aria-label={t('loading.label', { what })} />;
}
