import { parseDateTime, toZoned } from '@internationalized/date';
import { useState } from 'react';
import type { ReplayRequest } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import styles from './ReplayRange.module.css';
import { TimeField } from './TimeField';

export interface ReplayTimesProps {
  /** null: there is no beginning yet, or no time between it and the end. */
  onChange: (what: ReplayRequest | null) => void;
}

/** Asks for a period of time, in the reporting time zone. */
export function ReplayTimes({ onChange }: ReplayTimesProps) {
  const { t } = usePages();
  const zone = useConfiguration().configuration?.time_zone ?? 'UTC';
  const [from, setFrom] = useState('');
  const [before, setBefore] = useState('');
  const momentOf = (time: string) => toZoned(parseDateTime(time), zone).toAbsoluteString();

  function choose(first: string, last: string) {
    setFrom(first);
    setBefore(last);
    const isRange = first !== '' && (last === '' || first < last);
    onChange(isRange ? { from: momentOf(first), to: last === '' ? null : momentOf(last) } : null);
  }

  return (
    <div className={styles.range}>
      <TimeField
        label={t('destinations.replay.from', { zone })}
        value={from}
        onChange={(first) => choose(first, before)}
      />
      <TimeField
        label={t('destinations.replay.before')}
        value={before}
        onChange={(last) => choose(from, last)}
      />
    </div>
  );
}
