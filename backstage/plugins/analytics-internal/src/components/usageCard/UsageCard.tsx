import { Card, Link } from '@backstage/ui';
import { useId, useMemo } from 'react';
import { ProblemError } from '../../api/problem';
import { addressOf } from '../../view/address';
import { entityView, views } from './usage';
import { usePages } from '../context/PagesContext';
import { READ } from '../context/permission';
import { useAnswer } from '../context/useAnswer';
import { useConfiguration } from '../context/useConfiguration';
import { FixedView, useView } from '../context/useView';
import { NotAllowed } from '../panel/NotAllowed';
import { PanelError } from '../panel/PanelError';
import { Waiting } from '../panel/Waiting';
import { EntityName } from '../shared/EntityName';
import styles from './UsageCard.module.css';
import { UsageCurve } from './UsageCurve';
import { UsageFigures } from './UsageFigures';
import { UsageLists } from './UsageLists';

export interface UsageCardProps {
  /** The entity, as its full ref. */
  entityRef: string;
  /** Whether it has documentation of its own. */
  hasDocs: boolean;
  /** Whether the app has the metrics page, for the card to lead to. */
  hasPage: boolean;
}

/** How much an entity was looked at in the last 30 days, its documentation included. */
export function UsageCard({ entityRef, hasDocs, hasPage }: UsageCardProps) {
  const { t, paths } = usePages();
  const titleId = useId();
  const view = useMemo(() => entityView(entityRef), [entityRef]);
  return (
    <FixedView.Provider value={view}>
      <section aria-labelledby={titleId} className={styles.section}>
        <Card className={styles.card}>
          <div className={styles.head}>
            <h2 id={titleId} className={styles.title}>
              {t('usage.title')}
            </h2>
            <span>{t('period.30d')}</span>
            {hasPage && (
              <EntityName entityRef={entityRef}>
                {(name) => (
                  <Link
                    className={styles.more}
                    href={addressOf(paths.metrics, view)}
                    standalone
                    aria-label={t('usage.moreOf', { entity: name })}
                  >
                    {t('usage.more')}
                  </Link>
                )}
              </EntityName>
            )}
          </div>
          <div className={styles.body}>
            <Usage hasDocs={hasDocs} />
          </div>
        </Card>
      </section>
    </FixedView.Provider>
  );
}

/** The part of the card below its head. */
function Usage({ hasDocs }: Pick<UsageCardProps, 'hasDocs'>) {
  const { t } = usePages();
  const { view } = useView();
  // All questions of the card are asked at the position of this configuration.
  const asked = useConfiguration({ isPage: true });
  const counted = useAnswer(views(view));
  const failed = asked.error ? asked : counted;
  const title = t('usage.title');
  if (failed.error instanceof ProblemError && failed.error.isNotAllowed)
    return <NotAllowed permission={READ} />;
  if (failed.error) return <PanelError what={title} asked={failed} />;
  const row = counted.answer?.results[0];
  const isNobody = asked.configuration?.first_day === null || row?.events.value === 0;
  if (isNobody) return <p className={styles.nobody}>{t('usage.nobody')}</p>;
  if (!counted.answer || !row) return <Waiting what={title} />;
  return (
    <>
      <UsageFigures totals={counted.answer} />
      <UsageCurve />
      <UsageLists hasDocs={hasDocs} />
    </>
  );
}
