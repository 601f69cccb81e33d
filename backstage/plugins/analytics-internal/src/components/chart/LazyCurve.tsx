import { lazy, Suspense } from 'react';
import type { CurveProps } from './Curve';

// The chart library is half of the page's code: it is loaded beside the figures, not before them.
const chart = import('./Curve');
const Curve = lazy(() => chart);

/** A count over time, as a chart; nothing until the chart library is loaded. */
export function LazyCurve(props: CurveProps) {
  return (
    <Suspense>
      <Curve {...props} />
    </Suspense>
  );
}
