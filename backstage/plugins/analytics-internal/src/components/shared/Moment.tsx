import { usePages } from '../context/PagesContext';
import { useFormat } from './useFormat';

export interface MomentProps {
  /** UTC, ISO 8601; null where there is none. */
  value: string | null;
  /** Whether its time is shown, where the pages were not told for all. */
  withTime?: boolean;
}

/** A point in time, short; with its time on hover. */
export function Moment({ value, withTime = false }: MomentProps) {
  const format = useFormat();
  const isTimeShown = usePages().isTimeShown ?? withTime;
  if (value === null) return <>–</>;
  return (
    <time dateTime={value} title={format.dateAndTime(value)}>
      {isTimeShown ? format.dateAndTime(value) : format.date(value)}
    </time>
  );
}
