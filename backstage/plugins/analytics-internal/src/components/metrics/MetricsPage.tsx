import { useMemo } from 'react';
import type { CountMetric } from '../../api/query';
import { granularityOf, timeDimensionOf } from '../../view/period';
import { curve, totals } from '../../view/questions';
import { readSort } from '../../view/sort';
import { CurvePanel } from '../chart/CurvePanel';
import { usePages } from '../context/PagesContext';
import { useAnswer } from '../context/useAnswer';
import { useConfiguration } from '../context/useConfiguration';
import type { CsvFile } from '../context/useCsvDownload';
import { useView } from '../context/useView';
import { DestinationsLink } from '../page/DestinationsLink';
import { Freshness } from '../page/Freshness';
import { ViewPage } from '../page/ViewPage';
import { ActivityLog, activityLog, logMetrics } from './ActivityLog';
import { BusiestPeople, busiestPeople } from './BusiestPeople';
import styles from './MetricsPage.module.css';
import { MostVisitedScreens } from './MostVisitedScreens';
import { SilentNotice } from './SilentNotice';
import { Tiles } from './Tiles';

const metrics = ['events', 'people', 'items'] as const satisfies readonly CountMetric[];

/** The metrics page: totals, a curve, the busiest people, the most visited screens, and the activity log. */
export function MetricsPage() {
  const { t } = usePages();
  const { view, parameters, set } = useView();
  const { configuration } = useConfiguration();
  const chosen = metrics.find((metric) => metric === parameters.get('metric')) ?? 'events';
  const asked = useAnswer(totals(view));
  const { answer } = asked;
  const lastAccess = answer?.results[0]?.last_access.value ?? null;

  const files = useMemo((): CsvFile[] => {
    const search = parameters.get('search') ?? '';
    const sort = readSort(parameters, logMetrics);
    const dimension = configuration && timeDimensionOf(granularityOf(view.period, configuration));
    const log = activityLog(view, search, { sort, place: null });
    return [
      { name: 'activity-log', label: t('export.log'), query: log },
      { name: 'people', label: t('export.people'), query: busiestPeople(view) },
      ...(dimension
        ? [{ name: `${chosen}-over-time`, label: t('export.curve'), query: curve(view, chosen, dimension) }]
        : []),
      { name: 'totals', label: t('export.totals'), query: totals(view) },
    ] as CsvFile[];
  }, [t, view, parameters, configuration, chosen]);

  return (
    <ViewPage title={t('page.metrics')} files={files} links={<DestinationsLink />}>
      {answer && view.filters.length === 0 && (
        <SilentNotice lastAccess={lastAccess} completeUntil={answer.meta.complete_until} />
      )}
      <div className={styles.overview}>
        <Tiles
          metrics={metrics}
          asked={asked}
          chosen={chosen}
          onChoose={(metric) => set('metric', metric === 'events' ? null : metric)}
        />
        <CurvePanel metric={chosen} />
      </div>
      <div className={styles.ranks}>
        <BusiestPeople />
        <MostVisitedScreens />
      </div>
      <ActivityLog />
      <Freshness completeUntil={answer?.meta.complete_until} />
    </ViewPage>
  );
}
