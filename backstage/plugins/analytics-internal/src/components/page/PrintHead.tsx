import { usePages } from './PagesContext';
import styles from './PrintHead.module.css';
import { useFilterName } from '../filters/useFilterName';
import { usePeriodName } from '../filters/usePeriodName';
import { useView } from './useView';

/** On paper, what the controls say on the screen: the period and the filters. */
export function PrintHead() {
  const { t } = usePages();
  const { view } = useView();
  const periodName = usePeriodName();
  const filterName = useFilterName();
  const filters = view.filters.map(filterName).join(', ') || t('page.noFilters');
  return <p className={styles.head}>{t('page.print', { period: periodName(view.period), filters })}</p>;
}
