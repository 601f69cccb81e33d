import { usePages } from '../context/PagesContext';
import { useView } from '../context/useView';
import { useFilterName } from '../shared/useFilterName';
import { usePeriodName } from '../shared/usePeriodName';
import styles from './PrintHead.module.css';

/** The period and the filters, on paper only, where the controls are not printed. */
export function PrintHead() {
  const { t } = usePages();
  const { view } = useView();
  const periodName = usePeriodName();
  const filterName = useFilterName();
  const filters = view.filters.map(filterName).join(', ') || t('page.noFilters');
  return <p className={styles.head}>{t('page.print', { period: periodName(view.period), filters })}</p>;
}
