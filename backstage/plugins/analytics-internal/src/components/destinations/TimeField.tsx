import { useId } from 'react';
import styles from './TimeField.module.css';

export interface TimeFieldProps {
  label: string;
  /** A day with a time, like `2026-11-27T04:40`; empty: not given. */
  value: string;
  onChange: (value: string) => void;
}

/** Asks for a time. The browser's own field fits on a phone, and comes with its calendar. */
export function TimeField({ label, value, onChange }: TimeFieldProps) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="datetime-local"
        value={value}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </div>
  );
}
