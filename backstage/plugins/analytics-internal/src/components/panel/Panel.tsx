import { Card } from '@backstage/ui';
import { useId, type CSSProperties, type ReactNode } from 'react';
import type { Answer, Column } from '../../api/query';
import { TitlesProvider } from '../context/titles';
import type { Asked } from '../context/useAnswer';
import { NotAllowed } from './NotAllowed';
import styles from './Panel.module.css';
import { PanelError } from './PanelError';
import { Waiting } from './Waiting';

export interface PanelProps<C extends Column> {
  title: string;
  /** Its question. An error of it is shown in this panel only. */
  asked: Asked<C>;
  /** The space reserved until the answer arrives, in px, so that nothing moves when it does. */
  height: number;
  /** The space reserved once the answer is there, in px; by default `height`. */
  keptHeight?: number;
  /** Beside the title. */
  actions?: ReactNode;
  /** Shows the answer. `titleId` is the id of the panel's heading, for a table's `aria-labelledby`. */
  children: (answer: Answer<C>, titleId: string) => ReactNode;
}

/** The height of a note in px, at most: it fills a ranking, but not a long table. */
const NOTE_HEIGHT = 384;

/** The frame of one question: its title, and its answer, its error, or the permission it needs. */
export function Panel<C extends Column>({
  title,
  asked,
  height,
  keptHeight = height,
  actions,
  children,
}: PanelProps<C>) {
  const titleId = useId();
  const { answer, error, isStale, lacks } = asked;
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
          <PanelError what={title} asked={asked} />
          {!error && lacks && <NotAllowed permission={lacks} />}
          {!error && !lacks && answer && (
            <div className={styles.answer} data-stale={isStale || undefined}>
              <TitlesProvider answer={answer}>{children(answer, titleId)}</TitlesProvider>
            </div>
          )}
          {isWaiting && <Waiting what={title} />}
        </div>
      </Card>
    </section>
  );
}
