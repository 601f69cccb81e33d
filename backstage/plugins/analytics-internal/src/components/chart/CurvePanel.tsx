import { ButtonIcon } from '@backstage/ui';
import { RiDownload2Line, RiLineChartLine, RiTable2 } from '@remixicon/react';
import { useMemo, useState } from 'react';
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
import { LazyCurve } from './LazyCurve';

export interface CurvePanelProps {
  metric: CountMetric;
  /** What the page is about, in addition to its filters. */
  scope?: Scope;
}

const HEIGHT = 280;
const noScope: Scope = {};

/** One metric over the period, as a chart or as a table. Choosing a bucket shows its days. */
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
  // Until the next answer arrives, the one before is shown, with the metric and granularity it was asked with.
  const shown = useMemo(() => {
    const dimension =
      answer &&
      (['day', 'week', 'month'] as const).find((name) =>
        answer.query.dimensions.includes(timeDimensionOf(name)),
      );
    const counted = answer?.query.metrics[0] as CountMetric | undefined;
    if (!answer || !configuration || !dimension || !counted) return null;
    const points = seriesOf(answer, counted, dimension, configuration);
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
        const { points, granularity: drawnBy } = shown;
        const drawn = { points, granularity: drawnBy, name: t(`metric.${shown.metric}`), height: HEIGHT };
        const mayZoom = points.length > 1;
        return isTable ? (
          <CurveTable
            {...drawn}
            isCompared={meta.previous_period !== null}
            hrefOf={mayZoom ? (label) => hrefOf(zoomed(label)) : undefined}
          />
        ) : (
          <LazyCurve {...drawn} onChoose={mayZoom ? (label) => show(zoomed(label)) : undefined} />
        );
      }}
    </Panel>
  );
}
