import { useFormat } from './useFormat';
import styles from './Figure.module.css';

/** A count in a table: exact, in figures of one width. */
export function Figure({ value }: { value: number }) {
  const format = useFormat();
  return <span className={styles.figure}>{format.count(value)}</span>;
}
