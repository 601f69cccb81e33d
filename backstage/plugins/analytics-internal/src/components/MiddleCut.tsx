import { splitForMiddleCut } from '../format/middleCut';
import styles from './MiddleCut.module.css';

/** A text on one line; where it does not fit, its middle gives way and the whole shows on hover. */
export function MiddleCut({ text }: { text: string }) {
  const { head, tail } = splitForMiddleCut(text);
  return (
    <span className={styles.text} title={text}>
      <span className={tail ? styles.head : styles.whole}>{head}</span>
      {tail && (
        <span className={styles.tail}>
          <bdi dir="ltr">{tail}</bdi>
        </span>
      )}
    </span>
  );
}
