import type { Point } from '../../view/series';
import { usePages } from '../context/PagesContext';
import styles from './CurveLegend.module.css';

/** Names the lines. Screen readers skip it: the tooltip and the table say the same. */
export function CurveLegend({ points }: { points: Point[] }) {
  const { t } = usePages();
  const isCompared = points.some(({ previous }) => previous !== null);
  const isUnfinished = points.some(({ value, isComplete }) => value !== null && !isComplete);
  return (
    <ul className={styles.legend} aria-hidden>
      <li className={styles.finished}>{t('curve.value')}</li>
      {isUnfinished && <li className={styles.unfinished}>{t('curve.unfinished')}</li>}
      {isCompared && <li className={styles.previous}>{t('curve.previous')}</li>}
    </ul>
  );
}
