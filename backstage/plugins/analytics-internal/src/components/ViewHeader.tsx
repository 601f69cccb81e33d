import { Header, Link } from '@backstage/ui';
import { RiArrowLeftLine } from '@remixicon/react';
import { ComparisonMenu } from './ComparisonMenu';
import { ExportMenu } from './ExportMenu';
import { FilterBar } from './FilterBar';

import { PeriodMenu } from './PeriodMenu';
import { PrintHead } from './PrintHead';
import { useConfiguration } from './useConfiguration';
import type { CsvFile } from './useCsvDownload';
import { useView } from './useView';
import styles from './ViewHeader.module.css';

export interface ViewHeaderProps {
  title: string;
  /** The page this one belongs to. */
  parent?: { label: string; href: string };
  /** What the page offers as CSV. */
  files: CsvFile[];
}

/** The head of a page: its title, and what all of its figures have in common. */
export function ViewHeader({ title, parent, files }: ViewHeaderProps) {
  const { view, show } = useView();
  // Before the first event there is nothing to choose from.
  const isEmpty = useConfiguration().configuration?.first_day === null;
  return (
    <>
      {parent && (
        <div className={styles.parent}>
          <Link href={parent.href} standalone>
            <RiArrowLeftLine size={16} aria-hidden /> {parent.label}
          </Link>
        </div>
      )}
      <Header
        className={styles.header}
        title={title}
        customActions={
          !isEmpty && (
            <div className={styles.controls}>
              <PeriodMenu period={view.period} onChange={(period) => show({ ...view, period })} />
              <ComparisonMenu
                isCompared={view.isCompared}
                isPossible={view.period.kind !== 'all'}
                onChange={(isCompared) => show({ ...view, isCompared })}
              />
              <ExportMenu files={files} />
            </div>
          )
        }
      />
      {!isEmpty && (
        <>
          <PrintHead />
          <FilterBar />
        </>
      )}
    </>
  );
}
