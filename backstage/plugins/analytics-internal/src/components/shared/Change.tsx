import { VisuallyHidden } from '@backstage/ui';
import type { Count } from '../../api/query';
import { changeOf } from '../../format/numbers';
import { usePages } from '../context/PagesContext';
import styles from './Change.module.css';
import { useFormat } from './useFormat';

const arrows = { up: '▲', down: '▼', level: '=' } as const;

export interface ChangeProps {
  count: Count;
  /** The day collection began, where it began within what is compared with. */
  uncollectedUntil: string | null;
}

/** How a count moved against the previous period, in as much as the base allows to say. */
export function Change({ count, uncollectedUntil }: ChangeProps) {
  const { t } = usePages();
  const format = useFormat();
  const change = changeOf(count);
  if (!change) return null;
  if (uncollectedUntil !== null) {
    const text = t('change.uncollected', { day: format.day(uncollectedUntil) });
    return (
      <span title={text}>
        <span aria-hidden>{t('change.since', { day: format.day(uncollectedUntil) })}</span>
        <VisuallyHidden>{text}</VisuallyHidden>
      </span>
    );
  }
  if (change.kind === 'previous') {
    return <span>{t('change.previous', { previous: format.count(change.previous) })}</span>;
  }
  const percent = format.ratio(change.ratio);
  const text = t(`change.${change.direction}`, { percent, previous: format.count(count.previous ?? 0) });
  return (
    <span className={styles[change.direction]} title={text}>
      <span aria-hidden className={styles.figure}>
        {arrows[change.direction]} {percent}
      </span>
      <VisuallyHidden>{text}</VisuallyHidden>
    </span>
  );
}
