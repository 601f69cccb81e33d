import { Container, Header, Link, VisuallyHidden } from '@backstage/ui';
import { RiArrowLeftLine } from '@remixicon/react';
import type { ReactNode } from 'react';
import { ProblemError } from '../../api/problem';
import { usePages, type PageLink } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import type { CsvFile } from '../context/useCsvDownload';
import { useView } from '../context/useView';
import { ComparisonMenu } from '../filters/ComparisonMenu';
import { FilterBar } from '../filters/FilterBar';
import { PeriodMenu } from '../filters/PeriodMenu';
import { ExportMenu } from './ExportMenu';
import { PageBody } from './PageBody';
import { PrintHead } from './PrintHead';
import styles from './ViewPage.module.css';

export interface ViewPageProps {
  title: string;
  /** The page this one belongs to. */
  parent?: PageLink;
  /** What the page offers as CSV. */
  files: CsvFile[];
  children: ReactNode;
}

/** A page: its head, with the controls of the view, and its body. */
export function ViewPage({ title, parent, files, children }: ViewPageProps) {
  const { around } = usePages();
  const { view, show } = useView();
  const { configuration, error } = useConfiguration();
  // Before the first event, and without the permission to read, there is nothing to choose from.
  const isForbidden = error instanceof ProblemError && error.isNotAllowed;
  const isChoosable = configuration?.first_day !== null && !isForbidden;
  const controls = isChoosable && (
    <div className={styles.controls}>
      <PeriodMenu period={view.period} onChange={(period) => show({ ...view, period })} />
      <ComparisonMenu
        isCompared={view.isCompared}
        isPossible={view.period.kind !== 'all'}
        onChange={(isCompared) => show({ ...view, isCompared })}
      />
      <ExportMenu files={files} />
    </div>
  );
  const body = (
    <>
      {isChoosable && (
        <>
          <PrintHead />
          <FilterBar />
        </>
      )}
      <PageBody>{children}</PageBody>
    </>
  );

  const Frame = around.kind === 'portal' ? around.Frame : undefined;
  if (Frame) {
    return (
      <Frame title={title} parent={parent}>
        <Container className={styles.framed}>
          <VisuallyHidden>
            <h2>{title}</h2>
          </VisuallyHidden>
          {controls}
        </Container>
        {body}
      </Frame>
    );
  }
  return (
    <>
      {parent && (
        <div className={styles.parent}>
          <Link href={parent.href} standalone>
            <RiArrowLeftLine size={16} aria-hidden /> {parent.label}
          </Link>
        </div>
      )}
      <Header className={styles.header} title={title} customActions={controls} />
      {body}
    </>
  );
}
