import { Card } from '@backstage/ui';
import { useId, type CSSProperties, type ReactNode } from 'react';
import type { Answer, Column } from '../../api/query';
import { usePages } from '../context/PagesContext';
import type { Asked } from '../context/useAnswer';
import { NotAllowed } from './NotAllowed';
import styles from './Panel.module.css';
import { PanelError } from './PanelError';
import { Waiting } from './Waiting';

export interface PanelProps<C extends Column> {
  title: string;
  /** What is asked for; its error takes down this panel only. */
  asked: Asked<C>;
  /** Kept free for the content from the start, so that nothing moves when it comes. */
  height: number;
  /** Kept free also when the content turns out to be less; as `height` where it is not given. */
  keptHeight?: number;
  /** Beside the title. */
  actions?: ReactNode;
  /** Shows the answer; `titleId` names the panel's heading, for a table to be labelled by. */
  children: (answer: Answer<C>, titleId: string) => ReactNode;
}

/** What a note takes at most: it fills a ranking beside another one, and not a long table. */
const NOTE_HEIGHT = 384;

/** One question's place on the page: its title, its answer, or what became of it. */
export function Panel<C extends Column>({
  title,
  asked,
  height,
  keptHeight = height,
  actions,
  children,
}: PanelProps<C>) {
  const { t } = usePages();
  const titleId = useId();
  const { answer, error, isStale, lacks, again } = asked;
  const isWaiting = !answer && !error && !lacks;
  const reservedFor = answer ? keptHeight : height;
  const reserved = lacks ? Math.min(height, NOTE_HEIGHT) : reservedFor;
  return (
    <section aria-labelledby={titleId} aria-busy={isStale || isWaiting} className={styles.panel}>
      <Card className={styles.card}>
        <div className={styles.head}>
          <h3 id={titleId} className={styles.title}>
            {title}
          </h3>
          <div className={styles.actions}>{actions}</div>
        </div>
        <div className={styles.body} style={{ '--reserved': `${reserved}px` } as CSSProperties}>
          {error && <PanelError title={t('error.title', { what: title })} error={error} again={again} />}
          {!error && lacks && <NotAllowed permission={lacks} />}
          {!error && !lacks && answer && (
            <div className={styles.answer} data-stale={isStale || undefined}>
              {children(answer, titleId)}
            </div>
          )}
          {isWaiting && <Waiting what={title} />}
        </div>
      </Card>
    </section>
  );
}
