import { useFormat } from './useFormat';
import styles from './Figure.module.css';

/** An exact count, in digits of equal width. */
export function Figure({ value }: { value: number }) {
  const format = useFormat();
  return <span className={styles.figure}>{format.count(value)}</span>;
}
