import { NumberField } from '@backstage/ui';
import { useState } from 'react';
import type { Destination, ReplayRequest } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import styles from './ReplayRange.module.css';

export interface ReplayPositionsProps {
  destination: Destination;
  /** null: the positions are not complete yet, or there is nothing between them. */
  onChange: (what: ReplayRequest | null) => void;
}

/** Asks for a range of positions, among those that the destination has passed. */
export function ReplayPositions({ destination, onChange }: ReplayPositionsProps) {
  const { t } = usePages();
  const { position } = destination;
  const [after, setAfter] = useState(NaN);
  const [upTo, setUpTo] = useState(NaN);

  function choose(first: number, last: number) {
    setAfter(first);
    setUpTo(last);
    const isRange = first >= 0 && (Number.isNaN(last) || first < last);
    onChange(isRange ? { after: first, up_to: Number.isNaN(last) ? null : last } : null);
  }

  return (
    <div className={styles.range}>
      <NumberField
        label={t('destinations.replay.after')}
        minValue={0}
        maxValue={position}
        value={after}
        onChange={(first) => choose(first, upTo)}
      />
      <NumberField
        label={t('destinations.replay.upTo')}
        minValue={1}
        maxValue={position}
        value={upTo}
        onChange={(last) => choose(after, last)}
      />
    </div>
  );
}
