import { Button } from '@backstage/ui';
import type { DeadLetters } from '../../api/destinations';
import { usePages } from '../context/PagesContext';
import { useFormat } from '../shared/useFormat';
import styles from './DeadLetterPages.module.css';

export interface DeadLetterPagesProps {
  page: DeadLetters;
  isFirst: boolean;
  /** Show the page at a cursor; null: the first one. */
  onTurn: (cursor: number | null) => void;
}

/** How many of the dead letters are shown, and the way to the others. Nothing if they are all on one page. */
export function DeadLetterPages({ page, isFirst, onTurn }: DeadLetterPagesProps) {
  const { t } = usePages();
  const format = useFormat();
  const { dead_letters: letters, total, next_cursor: next } = page;
  if (isFirst && next === null) return null;
  return (
    <nav className={styles.pages} aria-label={t('pager.label', { table: t('dead.open') })}>
      <span>{t('dead.page', { shown: format.count(letters.length), total: format.count(total) })}</span>
      <Button variant="secondary" isDisabled={isFirst} onPress={() => onTurn(null)}>
        {t('dead.first')}
      </Button>
      <Button variant="secondary" isDisabled={next === null} onPress={() => onTurn(next)}>
        {t('dead.next')}
      </Button>
    </nav>
  );
}
