import { VisuallyHidden } from '@backstage/ui';
import type { Granularity } from '../../format/dates';
import type { Point } from '../../view/series';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import styles from './CurveTooltip.module.css';

export interface CurveTooltipProps {
  point: Point | undefined;
  granularity: Granularity;
  name: string;
}

/** One bucket: its date and its value, and the days it is compared with and their value. */
export function CurveTooltip({ point, granularity, name }: CurveTooltipProps) {
  const { t } = usePages();
  const format = useFormat();
  if (!point) return null;
  return (
    <div className={styles.tooltip}>
      <p className={styles.now}>
        <span>{format.bucket(point.label, granularity)}</span>
        <strong>{point.value === null ? t('curve.uncollected') : format.count(point.value)}</strong>
      </p>
      {point.value !== null && !point.isComplete && <p>{t('curve.unfinished')}</p>}
      {point.previous !== null && point.previousDays && (
        <p className={styles.before}>
          <span>{format.days(point.previousDays)}</span>
          <span>{format.count(point.previous)}</span>
        </p>
      )}
      <VisuallyHidden>{name}</VisuallyHidden>
    </div>
  );
}
