import type { Answer } from '../../api/query';
import type { TotalColumns } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { Change } from '../shared/Change';
import { useFormat } from '../shared/useFormat';
import styles from './UsageFigures.module.css';

/** How many views and people, and how both changed. */
export function UsageFigures({ totals }: { totals: Answer<TotalColumns> }) {
  const { t } = usePages();
  const format = useFormat();
  const row = totals.results[0];
  if (!row) return null;
  return (
    <dl className={styles.figures}>
      {(['events', 'people'] as const).map((metric) => (
        <div key={metric}>
          <dt>{t(metric === 'events' ? 'usage.views' : 'usage.people')}</dt>
          <dd>
            <span className={styles.value} title={format.count(row[metric].value)}>
              {format.rounded(row[metric].value)}
            </span>
            <span className={styles.change}>
              <Change totals={totals} metric={metric} />
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
