import { Focusable, Tooltip, TooltipTrigger } from '@backstage/ui';
import styles from './Term.module.css';

export interface TermProps {
  label: string;
  /** What it means, on hover and on focus. */
  about: string;
}

/** A word with its definition. */
export function Term({ label, about }: TermProps) {
  return (
    <TooltipTrigger delay={300}>
      <Focusable>
        <button type="button" className={styles.term}>
          {label}
        </button>
      </Focusable>
      <Tooltip>{about}</Tooltip>
    </TooltipTrigger>
  );
}
