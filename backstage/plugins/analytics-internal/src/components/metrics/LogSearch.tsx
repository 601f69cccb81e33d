import { SearchField } from '@backstage/ui';
import { useEffect, useRef, useState } from 'react';
import { usePages } from '../context/PagesContext';
import styles from './LogSearch.module.css';

export interface LogSearchProps {
  /** What is searched now. */
  search: string;
  /** The text stayed the same for a moment. */
  onSearch: (search: string) => void;
}

const SETTLED_MS = 300;

/** Searches the whole log. What is typed waits until the typing pauses. */
export function LogSearch({ search, onSearch }: LogSearchProps) {
  const { t } = usePages();
  // null: nothing is being typed, and the address says what is searched.
  const [typed, setTyped] = useState<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  function type(text: string) {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      onSearch(text);
      setTyped(null);
    }, SETTLED_MS);
  }

  return (
    <SearchField
      className={styles.search}
      aria-label={t('log.search')}
      placeholder={t('log.search')}
      value={typed ?? search}
      onChange={type}
    />
  );
}
