import { useMemo } from 'react';
import { seriesOf } from '../../view/series';
import { LazyCurve } from '../chart/LazyCurve';
import { usePages } from '../context/PagesContext';
import { useAnswer } from '../context/useAnswer';
import { useConfiguration } from '../context/useConfiguration';
import { useView } from '../context/useView';
import { PanelError } from '../panel/PanelError';
import { viewsByDay } from './usage';
import styles from './UsageCurve.module.css';

const HEIGHT = 128;

/** The views of each day. */
export function UsageCurve() {
  const { t } = usePages();
  const { view } = useView();
  const { configuration } = useConfiguration();
  const asked = useAnswer(viewsByDay(view));
  const { answer } = asked;
  const points = useMemo(
    () => (answer && configuration ? seriesOf(answer, 'events', 'day', configuration) : null),
    [answer, configuration],
  );
  const name = t('usage.views');
  return (
    <div className={styles.curve} style={{ minHeight: HEIGHT }}>
      <PanelError what={name} asked={asked} />
      {!asked.error && points && <LazyCurve points={points} granularity="day" name={name} height={HEIGHT} />}
    </div>
  );
}
