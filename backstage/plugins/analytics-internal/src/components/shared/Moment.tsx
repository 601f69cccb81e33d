import { usePages } from '../context/PagesContext';
import { useFormat } from './useFormat';

export interface MomentProps {
  /** UTC, ISO 8601; null where there is none. */
  value: string | null;
  /** Whether the time is shown, unless the pages have a setting for all panels. */
  withTime?: boolean;
}

/** A date, with its time on hover. */
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
