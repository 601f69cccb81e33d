import { useId } from 'react';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import styles from './Progress.module.css';

export interface ProgressProps {
  label: string;
  /** Positions of the log: it began after the first, is at the second, and ends with the third. */
  from: number;
  position: number;
  to: number;
}

/** How far a range of the log is delivered. */
export function Progress({ label, from, position, to }: ProgressProps) {
  const { t } = usePages();
  const format = useFormat();
  const id = useId();
  return (
    <div className={styles.progress}>
      <label htmlFor={id}>{label}</label>
      <progress id={id} value={position - from} max={Math.max(to - from, 1)} />
      <span className={styles.figures}>
        {t('destinations.progress', { position: format.count(position), end: format.count(to) })}
      </span>
    </div>
  );
}
