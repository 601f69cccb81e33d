import type { ReactNode } from 'react';
import type { CountMetric, Item, Query } from '../../api/query';
import { ask, totals } from '../../view/questions';
import { defaultView } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useAnswer, type Asked } from '../context/useAnswer';
import { useView } from '../context/useView';
import { Panel } from '../panel/Panel';
import { PanelError } from '../panel/PanelError';
import { Change } from '../shared/Change';
import { Figure } from '../shared/Figure';
import { Moment } from '../shared/Moment';
import { Subject } from '../shared/Subject';
import styles from './About.module.css';

type EverColumns = 'item' | 'first_access' | 'last_access';

/** What an item is, and when it was first and last accessed, whatever the period and the filters. */
export function itemEver(id: Item['id']): Query<EverColumns> {
  const everything = { ...defaultView, period: { kind: 'all' } } as const;
  return ask<EverColumns>(
    everything,
    { item: id },
    { metrics: ['first_access', 'last_access'], dimensions: ['item'], limit: 1 },
  );
}

export interface AboutProps {
  id: Item['id'];
  /** The answer to `itemEver`. */
  ever: Asked<EverColumns>;
}

const HEIGHT = 120;

/** What an item is, and how much it was accessed in the period. */
export function About({ id, ever }: AboutProps) {
  const { t } = usePages();
  const { view } = useView();
  const counts = useAnswer(totals(view, { item: id }));
  const { answer } = counts;
  const row = answer?.results[0];
  const count = (metric: CountMetric) =>
    row && (
      <div className={styles.count}>
        <Figure value={row[metric].value} />
        <Change totals={answer} metric={metric} />
      </div>
    );
  return (
    <Panel title={t('about.title')} asked={ever} height={HEIGHT}>
      {({ results: [known] }) =>
        known && (
          <>
            <dl className={styles.facts}>
              <Fact name={t('about.performed')}>{known.item.action}</Fact>
              <Fact name={t('about.path')} isWide>
                <Subject item={known.item} />
              </Fact>
              <Fact name={t('about.events')}>{count('events')}</Fact>
              <Fact name={t('about.people')}>{count('people')}</Fact>
              <Fact name={t('about.first')}>
                <Moment value={known.first_access.value} withTime />
              </Fact>
              <Fact name={t('about.last')}>
                <Moment value={known.last_access.value} withTime />
              </Fact>
            </dl>
            <PanelError what={t('tiles.title')} asked={counts} />
          </>
        )
      }
    </Panel>
  );
}

function Fact({ name, isWide, children }: { name: string; isWide?: boolean; children: ReactNode }) {
  return (
    <div className={isWide ? styles.wide : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
