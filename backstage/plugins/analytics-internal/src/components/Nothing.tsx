import { Button } from '@backstage/ui';
import { usePages } from './PagesContext';
import styles from './Nothing.module.css';
import { useView } from './useView';

/** Nothing in this period or under these filters, and what to do about it. */
export function Nothing() {
  const { t } = usePages();
  const { view, show } = useView();
  const isFiltered = view.filters.length > 0;
  return (
    <div className={styles.nothing}>
      <p>{t(isFiltered ? 'nothing.filters' : 'nothing.period')}</p>
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
    </div>
  );
}
