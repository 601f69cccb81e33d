import type { ReactNode } from 'react';
import { ProblemError } from '../../api/problem';
import type { PageLink } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import type { CsvFile } from '../context/useCsvDownload';
import { useView } from '../context/useView';
import { ComparisonMenu } from '../filters/ComparisonMenu';
import { FilterBar } from '../filters/FilterBar';
import { FilterTitles } from '../filters/FilterTitles';
import { PeriodMenu } from '../filters/PeriodMenu';
import { ExportMenu } from './ExportMenu';
import { PageBody } from './PageBody';
import { PageFrame } from './PageFrame';
import { PrintHead } from './PrintHead';

export interface ViewPageProps {
  title: string;
  /** The page this one belongs to. */
  parent?: PageLink;
  /** What the page offers as CSV. */
  files: CsvFile[];
  /** Links to other pages, beside the controls. */
  links?: ReactNode;
  children: ReactNode;
}

/** A page about a view: its head, with the controls of the view, and its body. */
export function ViewPage({ title, parent, files, links, children }: ViewPageProps) {
  const { view, show } = useView();
  const { configuration, error } = useConfiguration();
  // Before the first event, and without the permission to read, there is nothing to choose from.
  const isForbidden = error instanceof ProblemError && error.isNotAllowed;
  const isChoosable = configuration?.first_day !== null && !isForbidden;
  const controls = (
    <>
      {isChoosable && (
        <>
          <PeriodMenu period={view.period} onChange={(period) => show({ ...view, period })} />
          <ComparisonMenu
            isCompared={view.isCompared}
            isPossible={view.period.kind !== 'all'}
            onChange={(isCompared) => show({ ...view, isCompared })}
          />
          <ExportMenu files={files} />
        </>
      )}
      {links}
    </>
  );
  return (
    <PageFrame title={title} parent={parent} controls={controls}>
      {isChoosable && (
        <FilterTitles>
          <PrintHead />
          <FilterBar />
        </FilterTitles>
      )}
      <PageBody>{children}</PageBody>
    </PageFrame>
  );
}
