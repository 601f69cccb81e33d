import type { Answer, CountMetric } from '../../api/query';
import type { TotalColumns } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { Change } from '../shared/Change';
import { useFormat } from '../shared/useFormat';
import styles from './Tile.module.css';

export interface TileProps {
  metric: CountMetric;
  /** undefined: not yet answered. */
  totals: Answer<TotalColumns> | undefined;
  isChosen: boolean;
  onChoose: () => void;
}

/** One total. Pressing it shows its curve. */
export function Tile({ metric, totals, isChosen, onChoose }: TileProps) {
  const { t } = usePages();
  const format = useFormat();
  const count = totals?.results[0]?.[metric];
  return (
    <button
      type="button"
      className={styles.tile}
      aria-pressed={isChosen}
      title={t(`metric.${metric}.about`)}
      onClick={onChoose}
    >
      <span className={styles.name}>{t(`metric.${metric}`)}</span>
      <span className={styles.value} title={count && format.count(count.value)}>
        {count ? format.rounded(count.value) : '\u00a0'}
      </span>
      <span className={styles.change}>{totals && <Change totals={totals} metric={metric} />}</span>
    </button>
  );
}
