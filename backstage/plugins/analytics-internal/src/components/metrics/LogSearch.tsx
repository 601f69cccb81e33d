import { SearchField } from '@backstage/ui';
import { useEffect, useRef, useState } from 'react';
import { usePages } from '../context/PagesContext';
import styles from './LogSearch.module.css';

export interface LogSearchProps {
  /** What is searched now. */
  search: string;
  /** Called when typing pauses. */
  onSearch: (search: string) => void;
}

const SETTLED_MS = 300;

/** The search field of the log. It searches when typing pauses. */
export function LogSearch({ search, onSearch }: LogSearchProps) {
  const { t } = usePages();
  // null: nobody is typing, and the field shows what the address says.
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
