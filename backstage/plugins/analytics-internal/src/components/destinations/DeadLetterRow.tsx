import { Checkbox } from '@backstage/ui';
import type { DeadLetter } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import styles from './DeadLetterRow.module.css';
import { ReceiverAnswer } from './ReceiverAnswer';

export interface DeadLetterRowProps {
  letter: DeadLetter;
  isSelected: boolean;
  onSelect: (isSelected: boolean) => void;
}

const reasons = ['refused', 'too_large', 'too_old', 'unsupported'] as const;

/** One event that could not be delivered. */
export function DeadLetterRow({ letter, isSelected, onSelect }: DeadLetterRowProps) {
  const { t } = usePages();
  const format = useFormat();
  const { position, event, detail, status, answer, died_at: diedAt, is_queued: isQueued } = letter;
  // Most details name it.
  const isStatusNew = status !== null && !detail.includes(String(status));
  const reason = reasons.find((known) => known === letter.reason);
  return (
    <tr>
      <td className={styles.check}>
        <Checkbox aria-label={t('dead.select', { position })} isSelected={isSelected} onChange={onSelect} />
      </td>
      <th scope="row" className={styles.event}>
        <span>{event ? `${event.action} ${event.subject}` : t('dead.gone')}</span>
        <span className={styles.small}>
          {[
            `${t('dead.position')} ${format.count(position)}`,
            event && format.dateAndTime(event.occurred_at),
            event?.user,
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </th>
      <td className={styles.reason}>
        <strong>{reason ? t(`dead.reason.${reason}`) : letter.reason}</strong>
        <span className={styles.small}>
          {detail}
          {isStatusNew && ` ${t('destinations.error.status', { status })}`}
        </span>
        {answer && <ReceiverAnswer label={t('destinations.answer')} text={answer} />}
        {isQueued && <span className={styles.small}>{t('dead.queued')}</span>}
      </td>
      <td className={styles.spare}>
        <time dateTime={diedAt}>{format.dateAndTime(diedAt)}</time>
      </td>
    </tr>
  );
}
