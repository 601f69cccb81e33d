import { splitForMiddleCut } from '../../format/middleCut';
import styles from './MiddleCut.module.css';

export interface MiddleCutProps {
  text: string;
  /** What shows on hover; the whole text where it is not given. */
  title?: string;
}

/** A text on one line. When it does not fit, its middle is cut. */
export function MiddleCut({ text, title = text }: MiddleCutProps) {
  const { head, tail } = splitForMiddleCut(text);
  return (
    <span className={styles.text} title={title}>
      <span className={tail ? styles.head : styles.whole}>{head}</span>
      {tail && (
        <span className={styles.tail}>
          <bdi dir="ltr">{tail}</bdi>
        </span>
      )}
    </span>
  );
}
