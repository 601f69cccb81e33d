import { VisuallyHidden } from '@backstage/ui';
import { useId } from 'react';
import type { Count, CountMetric } from '../../api/query';
import { uncollectedUntil } from '../../view/period';
import type { TotalColumns } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import type { Asked } from '../context/useAnswer';
import { useConfiguration } from '../context/useConfiguration';
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

/** The totals of the page; one of them is the curve below. */
export function Tiles({ metrics, asked, chosen, onChoose }: TilesProps) {
  const { t } = usePages();
  const format = useFormat();
  const titleId = useId();
  const { answer, error, isStale, again } = asked;
  const { configuration } = useConfiguration();
  const row = answer?.results[0];
  const until = answer && configuration ? uncollectedUntil(answer, configuration) : null;

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
        <PanelError title={t('error.title', { what: t('tiles.title') })} error={error} again={again} />
      ) : (
        <div className={styles.tiles} data-stale={isStale || undefined}>
          {metrics.map((metric) => (
            <Tile
              key={metric}
              metric={metric}
              count={row?.[metric]}
              uncollectedUntil={until}
              isChosen={metric === chosen}
              onChoose={() => onChoose(metric)}
            />
          ))}
        </div>
      )}
    </section>
  );
}
