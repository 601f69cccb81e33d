import {
  Area,
  CartesianGrid,
  ComposedChart,
  Line,
  ReferenceArea,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import type { Granularity } from '../../format/dates';
import { drawnPoints, isLone, uncollectedStretch, type CurvePart, type Point } from '../../view/series';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import styles from './Curve.module.css';
import { CurveTooltip } from './CurveTooltip';
import { useUntabbableLayers } from './useUntabbableLayers';

export interface CurveProps {
  points: Point[];
  granularity: Granularity;
  /** What is counted, in words. */
  name: string;
  height: number;
  /** A bucket was clicked. */
  onChoose?: (label: string) => void;
}

const FEW_POINTS = 14;
// Set here and not in the style sheet: the library writes the colour into the element, where no rule overrides it.
const tick = { fill: 'var(--bui-fg-primary)' };

/** The chart of a count over time. The unfinished bucket is dotted, the previous period thin and dashed. */
export default function Curve({ points, granularity, name, height, onChoose }: CurveProps) {
  const { t } = usePages();
  const format = useFormat();
  const holder = useUntabbableLayers();
  const drawn = drawnPoints(points);
  const dotOf = (part: CurvePart) => (points.length <= FEW_POINTS || isLone(drawn, part) ? { r: 3 } : false);
  const uncollected = uncollectedStretch(points);
  const most = points.reduce<Point | null>(
    (best, point) => ((point.value ?? -1) > (best?.value ?? -1) ? point : best),
    null,
  );
  const summary =
    most &&
    t('curve.summary', {
      metric: name,
      from: format.bucket(points[0]!.label, granularity),
      to: format.bucket(points.at(-1)!.label, granularity),
      most: format.count(most.value ?? 0),
      when: format.bucket(most.label, granularity),
    });

  return (
    <div ref={holder} className={styles.curve} data-clickable={onChoose ? true : undefined}>
      <ResponsiveContainer width="100%" height={height}>
        <ComposedChart
          data={drawn}
          margin={{ top: 12, right: 12, bottom: 0, left: 0 }}
          aria-label={summary ?? name}
          onClick={({ activeLabel }) => {
            if (onChoose && typeof activeLabel === 'string') onChoose(activeLabel);
          }}
        >
          <CartesianGrid vertical={false} />
          <XAxis
            dataKey="label"
            tickFormatter={(label: string) => format.tick(label, granularity)}
            minTickGap={32}
            tick={tick}
            tickLine={false}
            tickMargin={8}
          />
          <YAxis
            domain={[0, 'auto']}
            allowDecimals={false}
            width={48}
            tickFormatter={(value: number) => format.rounded(value)}
            tick={tick}
            tickLine={false}
            axisLine={false}
          />
          {uncollected && (
            <ReferenceArea
              x1={uncollected.from}
              x2={uncollected.to}
              className={styles.uncollected}
              label={{ value: t('curve.uncollected'), position: 'inside', ...tick }}
              ifOverflow="extendDomain"
            />
          )}
          <Tooltip
            content={(tooltip) => (
              <CurveTooltip
                point={tooltip.payload[0]?.payload as Point | undefined}
                granularity={granularity}
                name={name}
              />
            )}
            cursor={{ className: styles.cursor }}
            isAnimationActive={false}
          />
          <Line
            dataKey="previous"
            className={styles.previous}
            dot={false}
            activeDot={false}
            isAnimationActive={false}
          />
          <Area
            dataKey="finished"
            className={styles.finished}
            dot={dotOf('finished')}
            activeDot={{ r: 5 }}
            isAnimationActive={false}
          />
          <Line
            dataKey="unfinished"
            className={styles.unfinished}
            dot={dotOf('unfinished')}
            activeDot={{ r: 5 }}
            isAnimationActive={false}
          />
        </ComposedChart>
      </ResponsiveContainer>
    </div>
  );
}
