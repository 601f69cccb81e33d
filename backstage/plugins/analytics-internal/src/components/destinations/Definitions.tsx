import { usePages } from '../context/PagesContext';
import styles from './Definitions.module.css';
import { figures } from './figures';

/** What each figure means, where nothing can be hovered over: on a phone, on paper. */
export function Definitions() {
  const { t } = usePages();
  return (
    <details className={styles.definitions}>
      <summary>{t('destinations.figures')}</summary>
      <dl>
        {figures.map((name) => (
          <div key={name}>
            <dt>{t(`destinations.${name}`)}</dt>
            <dd>{t(`destinations.${name}.about`)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
