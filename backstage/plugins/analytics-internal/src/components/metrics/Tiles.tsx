import { VisuallyHidden } from '@backstage/ui';
import { useId } from 'react';
import type { Count, CountMetric } from '../../api/query';
import type { TotalColumns } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import type { Asked } from '../context/useAnswer';
import { PanelError } from '../panel/PanelError';
import { useFormat } from '../shared/useFormat';
import { Tile } from './Tile';
import styles from './Tiles.module.css';

export interface TilesProps {
  metrics: readonly CountMetric[];
  asked: Asked<TotalColumns>;
  chosen: CountMetric;
  onChoose: (metric: CountMetric) => void;
}

/** The totals of the page. Pressing one shows its curve. */
export function Tiles({ metrics, asked, chosen, onChoose }: TilesProps) {
  const { t } = usePages();
  const format = useFormat();
  const titleId = useId();
  const { answer, error, isStale } = asked;
  const row = answer?.results[0];

  const counted = (metric: CountMetric, { value }: Count) =>
    t(`tiles.${metric}`, { count: value, figure: format.count(value) });

  return (
    <section aria-labelledby={titleId} aria-busy={isStale}>
      <VisuallyHidden>
        <h3 id={titleId}>{t('tiles.title')}</h3>
        <div aria-live="polite">
          {row &&
            !isStale &&
            t('tiles.updated', {
              events: counted('events', row.events),
              people: counted('people', row.people),
              items: counted('items', row.items),
            })}
        </div>
      </VisuallyHidden>
      {error ? (
        <PanelError what={t('tiles.title')} asked={asked} />
      ) : (
        <div className={styles.tiles} data-stale={isStale || undefined}>
          {metrics.map((metric) => (
            <Tile
              key={metric}
              metric={metric}
              totals={answer}
              isChosen={metric === chosen}
              onChoose={() => onChoose(metric)}
            />
          ))}
        </div>
      )}
    </section>
  );
}
