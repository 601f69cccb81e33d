import { lazy, Suspense, useMemo } from 'react';
import { seriesOf } from '../../view/series';
import { viewsByDay } from '../../view/usage';
import { usePages } from '../context/PagesContext';
import { useAnswer } from '../context/useAnswer';
import { useConfiguration } from '../context/useConfiguration';
import { useView } from '../context/useView';
import { PanelError } from '../panel/PanelError';
import styles from './UsageCurve.module.css';

const chart = import('../chart/Curve');
const Curve = lazy(() => chart);

const HEIGHT = 128;

/** The views of each day. */
export function UsageCurve() {
  const { t } = usePages();
  const { view } = useView();
  const { configuration } = useConfiguration();
  const { answer, error, again } = useAnswer(viewsByDay(view));
  const points = useMemo(() => {
    if (!answer || !configuration) return null;
    const { first_day: firstDay, today } = configuration;
    return seriesOf(answer, 'events', 'day', { firstDay, today });
  }, [answer, configuration]);
  const name = t('usage.views');
  return (
    <div className={styles.curve} style={{ minHeight: HEIGHT }}>
      {error && <PanelError title={t('error.title', { what: name })} error={error} again={again} />}
      {!error && points && (
        <Suspense>
          <Curve points={points} granularity="day" name={name} height={HEIGHT} />
        </Suspense>
      )}
    </div>
  );
}
