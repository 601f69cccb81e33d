import { ButtonIcon } from '@backstage/ui';
import { RiDownload2Line, RiLineChartLine, RiTable2 } from '@remixicon/react';
import { lazy, Suspense, useMemo, useState } from 'react';
import type { CountMetric } from '../../api/query';
import { bucketWithin, granularityOf, timeDimensionOf } from '../../view/period';
import { curve, type Scope } from '../../view/questions';
import { seriesOf } from '../../view/series';
import { usePages } from '../context/PagesContext';
import { useAnswer } from '../context/useAnswer';
import { useConfiguration } from '../context/useConfiguration';
import { useCsvDownload } from '../context/useCsvDownload';
import { useView } from '../context/useView';
import { Nothing } from '../panel/Nothing';
import { Panel } from '../panel/Panel';
import { CurveLegend } from './CurveLegend';
import { CurveTable } from './CurveTable';

export interface CurvePanelProps {
  metric: CountMetric;
  /** What the page is about, beside its filters. */
  scope?: Scope;
}

// The chart library is half of the page's code: it is loaded beside the figures, not before them.
const chart = import('./Curve');
const Curve = lazy(() => chart);

const HEIGHT = 280;
const noScope: Scope = {};

/** One metric over the period, as a chart or as a table. A bucket leads to its days. */
export function CurvePanel({ metric, scope = noScope }: CurvePanelProps) {
  const { t } = usePages();
  const { view, show, hrefOf } = useView();
  const { configuration } = useConfiguration();
  const [isTable, setIsTable] = useState(false);
  const { download, isBusy } = useCsvDownload();
  const granularity = configuration && granularityOf(view.period, configuration);
  const query = granularity ? curve(view, metric, timeDimensionOf(granularity), scope) : null;
  const asked = useAnswer(query);
  const { answer } = asked;
  // While the next answer is under way the one before is shown, by its own metric and granularity.
  const shown = useMemo(() => {
    const dimension =
      answer &&
      (['day', 'week', 'month'] as const).find((name) =>
        answer.query.dimensions.includes(timeDimensionOf(name)),
      );
    const counted = answer?.query.metrics[0] as CountMetric | undefined;
    if (!answer || !configuration || !dimension || !counted) return null;
    const { first_day: firstDay, today } = configuration;
    const points = seriesOf(answer, counted, dimension, { firstDay, today });
    return { points, granularity: dimension, metric: counted };
  }, [answer, configuration]);

  const name = t(`metric.${metric}`);
  const title = t('curve.title', { metric: name });

  return (
    <Panel
      title={title}
      asked={asked}
      height={HEIGHT}
      actions={
        <>
          {!isTable && shown && <CurveLegend points={shown.points} />}
          <ButtonIcon
            variant="tertiary"
            aria-label={t(isTable ? 'curve.chart' : 'curve.table')}
            icon={isTable ? <RiLineChartLine /> : <RiTable2 />}
            onPress={() => setIsTable(!isTable)}
          />
          <ButtonIcon
            variant="tertiary"
            aria-label={t('curve.csv')}
            icon={<RiDownload2Line />}
            isPending={isBusy}
            isDisabled={!query}
            onPress={() => query && download({ label: title, name: `${metric}-over-time`, query })}
          />
        </>
      }
    >
      {({ results, meta }) => {
        if (results.length === 0) return <Nothing period={meta.period} />;
        if (!shown) return null;
        const daysOf = (label: string) => bucketWithin(label, shown.granularity, meta.period);
        const zoomed = (label: string) => ({
          ...view,
          period: { kind: 'custom', ...daysOf(label) } as const,
        });
        const mayZoom = shown.points.length > 1;
        return isTable ? (
          <CurveTable
            points={shown.points}
            granularity={shown.granularity}
            name={t(`metric.${shown.metric}`)}
            height={HEIGHT}
            isCompared={meta.previous_period !== null}
            hrefOf={mayZoom ? (label) => hrefOf(zoomed(label)) : undefined}
          />
        ) : (
          <Suspense>
            <Curve
              points={shown.points}
              granularity={shown.granularity}
              name={t(`metric.${shown.metric}`)}
              height={HEIGHT}
              onChoose={mayZoom ? (label) => show(zoomed(label)) : undefined}
            />
          </Suspense>
        );
      }}
    </Panel>
  );
}
