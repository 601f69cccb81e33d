import { Button } from '@backstage/ui';
import type { Period } from '../../api/query';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import { useView } from '../context/useView';
import { useFormat } from '../shared/useFormat';
import styles from './Nothing.module.css';

export interface NothingProps {
  /** The period that was asked about. */
  period: Period;
  /** Leaves out the next steps, because another panel offers them. */
  isBrief?: boolean;
}

/** Says why there is nothing to show, and offers to widen the period or remove the filters. */
export function Nothing({ period, isBrief = false }: NothingProps) {
  const { t } = usePages();
  const format = useFormat();
  const { view, show } = useView();
  const firstDay = useConfiguration().configuration?.first_day ?? null;
  const isFiltered = view.filters.length > 0;
  const reason =
    firstDay !== null && period.to < firstDay
      ? t('nothing.collected', { day: format.day(firstDay) })
      : t(isFiltered ? 'nothing.filters' : 'nothing.period');
  return (
    <div className={styles.nothing}>
      <p>{reason}</p>
      {!isBrief && (
        <div className={styles.steps}>
          {isFiltered && (
            <Button variant="secondary" onPress={() => show({ ...view, filters: [] })}>
              {t('filter.clear')}
            </Button>
          )}
          {view.period.kind !== 'all' && (
            <Button variant="secondary" onPress={() => show({ ...view, period: { kind: 'all' } })}>
              {t('nothing.widen')}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
