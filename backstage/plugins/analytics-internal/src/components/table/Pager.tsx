import { ButtonIcon, VisuallyHidden } from '@backstage/ui';
import { RiArrowLeftSLine, RiArrowRightSLine } from '@remixicon/react';
import type { Answer } from '../../api/query';
import { PAGE_SIZE } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import styles from './Pager.module.css';

export interface PagerProps {
  /** The title of the table. */
  table: string;
  /** How many rows the page has. */
  shown: number;
  meta: Answer['meta'];
  /** Show the page at a cursor; null: the first page. */
  onTurn: (cursor: string | null) => void;
}

/** Which rows of a long table are shown ("1–25 of 1,934"), and buttons for the page before and after. */
export function Pager({ table, shown, meta, onTurn }: PagerProps) {
  const { offset, total_rows: total, previous_cursor: previousCursor, next_cursor: nextCursor } = meta;
  const { t } = usePages();
  const format = useFormat();
  const place = {
    table,
    count: shown,
    from: format.count(offset + 1),
    to: format.count(offset + shown),
    total: format.count(total ?? offset + shown),
  };
  return (
    <nav className={styles.pager} aria-label={t('pager.label', { table })}>
      <VisuallyHidden aria-live="polite">{t('pager.loaded', place)}</VisuallyHidden>
      <span className={styles.place}>{t('pager.range', place)}</span>
      <ButtonIcon
        variant="secondary"
        aria-label={t('pager.previous')}
        icon={<RiArrowLeftSLine />}
        isDisabled={previousCursor === null}
        onPress={() => onTurn(offset <= PAGE_SIZE ? null : previousCursor)}
      />
      <ButtonIcon
        variant="secondary"
        aria-label={t('pager.next')}
        icon={<RiArrowRightSLine />}
        isDisabled={nextCursor === null}
        onPress={() => onTurn(nextCursor)}
      />
    </nav>
  );
}
