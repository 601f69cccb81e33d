import styles from './ReceiverAnswer.module.css';

export interface ReceiverAnswerProps {
  label: string;
  text: string;
  isOpen?: boolean;
}

/** A text of or for a receiver, to be unfolded: as it is, in a box that scrolls. */
export function ReceiverAnswer({ label, text, isOpen }: ReceiverAnswerProps) {
  return (
    <details className={styles.answer} open={isOpen}>
      <summary>{label}</summary>
      {/* A box that scrolls must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
    </details>
  );
}
