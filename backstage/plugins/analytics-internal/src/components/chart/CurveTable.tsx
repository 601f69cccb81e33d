import { Link } from '@backstage/ui';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import type { CurveProps } from './Curve';
import styles from './CurveTable.module.css';

export interface CurveTableProps extends Omit<CurveProps, 'onChoose'> {
  /** Whether it has a column for the previous period. */
  isCompared: boolean;
  /** The address of the page with one bucket alone; undefined: the buckets are no links. */
  hrefOf?: (label: string) => string;
}

/** The curve's figures as a table. */
export function CurveTable({ points, granularity, name, height, isCompared, hrefOf }: CurveTableProps) {
  const { t } = usePages();
  const format = useFormat();
  const figure = (value: number | null) => (value === null ? t('curve.uncollected') : format.count(value));
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by key
    <div className={styles.box} style={{ maxHeight: height }} tabIndex={0} role="region" aria-label={name}>
      <table className={styles.table}>
        <caption className={styles.caption}>{t(`curve.caption.${granularity}`, { metric: name })}</caption>
        <thead>
          <tr>
            <th scope="col">{t(`curve.${granularity}`)}</th>
            <th scope="col" className={styles.number}>
              {t('curve.value')}
            </th>
            {isCompared && (
              <th scope="col" className={styles.number}>
                {t('curve.previous')}
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {points.map((point) => (
            <tr key={point.label}>
              <th scope="row">
                {hrefOf ? (
                  <Link href={hrefOf(point.label)} standalone>
                    {format.bucket(point.label, granularity)}
                  </Link>
                ) : (
                  format.bucket(point.label, granularity)
                )}
                {!point.isComplete && point.value !== null && ` (${t('curve.unfinished')})`}
              </th>
              <td className={styles.number}>{figure(point.value)}</td>
              {isCompared && (
                <td className={styles.number}>
                  {figure(point.previous)}
                  {point.previousDays && (
                    <span className={styles.days}>{format.days(point.previousDays)}</span>
                  )}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
