import type { Answer } from '../../api/query';
import { uncollectedUntil } from '../../view/period';
import type { TotalColumns } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import { Change } from '../shared/Change';
import { useFormat } from '../shared/useFormat';
import styles from './UsageFigures.module.css';

/** Views and people, each with what it was in the 30 days before. */
export function UsageFigures({ answer }: { answer: Answer<TotalColumns> }) {
  const { t } = usePages();
  const format = useFormat();
  const { configuration } = useConfiguration();
  const row = answer.results[0];
  const until = configuration ? uncollectedUntil(answer, configuration) : null;
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
              <Change count={row[metric]} uncollectedUntil={until} />
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
