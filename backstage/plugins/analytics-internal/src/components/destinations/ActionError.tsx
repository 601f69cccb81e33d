import { usePages } from '../context/PagesContext';
import styles from './ActionError.module.css';

/** Says that something could not be done, and why; nothing where it could. */
export function ActionError({ error }: { error: Error | null }) {
  const { t } = usePages();
  return (
    error && (
      <p role="alert" className={styles.error}>
        {t('destinations.act.failed', { detail: error.message })}
      </p>
    )
  );
}
