import { ButtonLink } from '@backstage/ui';
import { useMemo } from 'react';
import { useParams } from 'react-router-dom';
import { addressOf } from '../../view/address';
import { totals } from '../../view/questions';
import { readSort } from '../../view/sort';
import { CurvePanel } from '../chart/CurvePanel';
import { usePages } from '../context/PagesContext';
import { useAnswer } from '../context/useAnswer';
import type { CsvFile } from '../context/useCsvDownload';
import { useView } from '../context/useView';
import { Freshness } from '../page/Freshness';
import { ViewPage } from '../page/ViewPage';
import { About, itemEver } from './About';
import styles from './ActivityDetailsPage.module.css';
import { accessHistory, historyMetrics, UserAccessHistory } from './UserAccessHistory';

/** One item (the route's `:id`): what it is, its curve, and who accessed it. */
export function ActivityDetailsPage() {
  const { t, paths } = usePages();
  const { id: parameter } = useParams();
  const { view, parameters } = useView();
  const id = /^\d+$/.test(parameter ?? '') ? Number(parameter) : null;
  const ever = useAnswer(id === null ? null : itemEver(id));
  const { answer } = ever;
  const scope = useMemo(() => ({ item: id ?? 0 }), [id]);
  const back = addressOf(paths.metrics, view);
  const isMissing = id === null || answer?.results.length === 0;

  const files = useMemo((): CsvFile[] => {
    if (id === null) return [];
    const sort = readSort(parameters, historyMetrics);
    const history = accessHistory(view, id, { sort, place: null });
    return [
      { name: 'user-access-history', label: t('export.history'), query: history },
      { name: 'totals', label: t('export.totals'), query: totals(view, { item: id }) },
    ] as CsvFile[];
  }, [t, view, parameters, id]);

  return (
    <ViewPage title={t('page.details')} parent={{ label: t('page.metrics'), href: back }} files={files}>
      {isMissing ? (
        <div className={styles.missing}>
          <h3>{t('about.missing.title')}</h3>
          <p>{t('about.missing')}</p>
          <ButtonLink href={back}>{t('about.back')}</ButtonLink>
        </div>
      ) : (
        <>
          <About id={id} ever={ever} />
          <CurvePanel metric="events" scope={scope} />
          <UserAccessHistory item={id} />
        </>
      )}
      <Freshness completeUntil={answer?.meta.complete_until} />
    </ViewPage>
  );
}
