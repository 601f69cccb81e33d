import { RiCheckLine, RiErrorWarningLine } from '@remixicon/react';
import type { LastError as Failure } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import styles from './LastError.module.css';
import { ReceiverAnswer } from './ReceiverAnswer';

/** Why the last attempt failed, what the receiver said, and when it is tried again; or that it is over. */
export function LastError({ failure }: { failure: Failure }) {
  const { t } = usePages();
  const format = useFormat();
  const { attempts, at, detail, status, answer, next_attempt_at: nextAttempt } = failure;
  const isOver = attempts === 0;
  const moment = format.dateAndTime(at);
  const more = [
    // Most details name it.
    status !== null && !detail.includes(String(status)) && t('destinations.error.status', { status }),
    !isOver && nextAttempt && t('destinations.error.next', { moment: format.dateAndTime(nextAttempt) }),
  ].filter(Boolean);
  return (
    <div className={styles.error}>
      {isOver ? (
        <RiCheckLine size={16} aria-hidden className={styles.icon} />
      ) : (
        <RiErrorWarningLine size={16} aria-hidden className={styles.icon} data-bad />
      )}
      <div className={styles.text}>
        <p>
          {isOver
            ? t('destinations.error.over', { moment, detail })
            : t('destinations.error.failed', {
                count: attempts,
                figure: format.count(attempts),
                moment,
                detail,
              })}
        </p>
        {more.length > 0 && <p className={styles.more}>{more.join(' ')}</p>}
        {answer && <ReceiverAnswer label={t('destinations.answer')} text={answer} />}
      </div>
    </div>
  );
}
