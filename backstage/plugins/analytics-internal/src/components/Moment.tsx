import { useFormat } from './useFormat';

export interface MomentProps {
  /** UTC, ISO 8601; null where there is none. */
  value: string | null;
  withTime?: boolean;
}

/** A point in time, short; with its time on hover. */
export function Moment({ value, withTime = false }: MomentProps) {
  const format = useFormat();
  if (value === null) return <>–</>;
  return (
    <time dateTime={value} title={format.dateAndTime(value)}>
      {withTime ? format.dateAndTime(value) : format.date(value)}
    </time>
  );
}
