import type { Answer, Item } from '../../api/query';
import { uncollectedUntil } from '../../view/period';
import { totals } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { useAnswer, type Asked } from '../context/useAnswer';
import { useConfiguration } from '../context/useConfiguration';
import { useView } from '../context/useView';
import { Panel } from '../panel/Panel';
import { PanelError } from '../panel/PanelError';
import { Change } from '../shared/Change';
import { Figure } from '../shared/Figure';
import { Moment } from '../shared/Moment';
import { Subject } from '../shared/Subject';
import styles from './About.module.css';

export interface AboutProps {
  id: Item['id'];
  /** What the item is, whatever the period. */
  ever: Asked<'item' | 'first_access' | 'last_access'>;
}

const HEIGHT = 120;

/** What an item is, and how much it was accessed in the period. */
export function About({ id, ever }: AboutProps) {
  const { t } = usePages();
  const { view } = useView();
  const counts = useAnswer(totals(view, { item: id }));
  const { configuration } = useConfiguration();
  const row = counts.answer?.results[0];
  const until = counts.answer && configuration ? uncollectedUntil(counts.answer, configuration) : null;
  return (
    <Panel title={t('about.title')} asked={ever} height={HEIGHT}>
      {({ results: [known] }: Answer<'item' | 'first_access' | 'last_access'>) =>
        known && (
          <>
            <dl className={styles.facts}>
              <div>
                <dt>{t('about.performed')}</dt>
                <dd>{known.item.action}</dd>
              </div>
              <div className={styles.wide}>
                <dt>{t('about.path')}</dt>
                <dd>
                  <Subject item={known.item} />
                </dd>
              </div>
              <div>
                <dt>{t('about.events')}</dt>
                <dd className={styles.count}>
                  {row && <Figure value={row.events.value} />}
                  {row && <Change count={row.events} uncollectedUntil={until} />}
                </dd>
              </div>
              <div>
                <dt>{t('about.people')}</dt>
                <dd className={styles.count}>
                  {row && <Figure value={row.people.value} />}
                  {row && <Change count={row.people} uncollectedUntil={until} />}
                </dd>
              </div>
              <div>
                <dt>{t('about.first')}</dt>
                <dd>
                  <Moment value={known.first_access.value} withTime />
                </dd>
              </div>
              <div>
                <dt>{t('about.last')}</dt>
                <dd>
                  <Moment value={known.last_access.value} withTime />
                </dd>
              </div>
            </dl>
            {counts.error && (
              <PanelError
                title={t('error.title', { what: t('tiles.title') })}
                error={counts.error}
                again={counts.again}
              />
            )}
          </>
        )
      }
    </Panel>
  );
}
