import { ButtonIcon, VisuallyHidden } from '@backstage/ui';
import { RiArrowLeftSLine, RiArrowRightSLine } from '@remixicon/react';
import { PAGE_SIZE } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import styles from './Pager.module.css';

export interface PagerProps {
  /** What is paged, in words. */
  table: string;
  offset: number;
  shown: number;
  total: number;
  previousCursor: string | null;
  nextCursor: string | null;
  /** null: the first page, as the question without a cursor has it. */
  onTurn: (cursor: string | null) => void;
}

/** Where in a long table one is: "1–25 of 1,934", and the ways on. */
export function Pager({ table, offset, shown, total, previousCursor, nextCursor, onTurn }: PagerProps) {
  const { t } = usePages();
  const format = useFormat();
  const place = {
    table,
    count: shown,
    from: format.count(offset + 1),
    to: format.count(offset + shown),
    total: format.count(total),
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
