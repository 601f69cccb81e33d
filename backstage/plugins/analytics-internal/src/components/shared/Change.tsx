import { VisuallyHidden } from '@backstage/ui';
import type { Answer, CountMetric } from '../../api/query';
import { changeOf } from '../../format/numbers';
import { uncollectedUntil } from '../../view/period';
import type { TotalColumns } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import styles from './Change.module.css';
import { useFormat } from './useFormat';

const arrows = { up: '▲', down: '▼', level: '=' } as const;

export interface ChangeProps {
  totals: Answer<TotalColumns>;
  metric: CountMetric;
}

/**
 * How a count changed from the previous period: in percent, or by the previous count where that is too small for a
 * percentage, or the day that collection began where that was later than the previous period's first.
 */
export function Change({ totals, metric }: ChangeProps) {
  const { t } = usePages();
  const format = useFormat();
  const { configuration } = useConfiguration();
  const count = totals.results[0]?.[metric];
  const change = count && changeOf(count);
  if (!change) return null;
  const firstDay = configuration ? uncollectedUntil(totals, configuration) : null;
  if (firstDay !== null) {
    const day = format.day(firstDay);
    const text = t('change.uncollected', { day });
    return (
      <span title={text}>
        <span aria-hidden>{t('change.since', { day })}</span>
        <VisuallyHidden>{text}</VisuallyHidden>
      </span>
    );
  }
  if (change.kind === 'previous') {
    return <span>{t('change.previous', { previous: format.count(change.previous) })}</span>;
  }
  const percent = format.ratio(change.ratio);
  const text = t(`change.${change.direction}`, { percent, previous: format.count(count.previous ?? 0) });
  return (
    <span className={styles[change.direction]} title={text}>
      <span aria-hidden className={styles.figure}>
        {arrows[change.direction]} {percent}
      </span>
      <VisuallyHidden>{text}</VisuallyHidden>
    </span>
  );
}
