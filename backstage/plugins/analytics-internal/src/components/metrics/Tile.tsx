import type { Count, CountMetric } from '../../api/query';
import { usePages } from '../context/PagesContext';
import { Change } from '../shared/Change';
import { useFormat } from '../shared/useFormat';
import styles from './Tile.module.css';

export interface TileProps {
  metric: CountMetric;
  /** Undefined until it is known. */
  count: Count | undefined;
  /** The day collection began, where that makes a comparison meaningless. */
  uncollectedUntil: string | null;
  isChosen: boolean;
  onChoose: () => void;
}

/** One total; pressed, it is the curve below. */
export function Tile({ metric, count, uncollectedUntil, isChosen, onChoose }: TileProps) {
  const { t } = usePages();
  const format = useFormat();
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
      <span className={styles.change}>
        {count && <Change count={count} uncollectedUntil={uncollectedUntil} />}
      </span>
    </button>
  );
}
