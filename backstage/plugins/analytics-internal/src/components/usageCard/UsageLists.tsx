import { Tab, TabList, TabPanel, Tabs } from '@backstage/ui';
import type { ReactNode } from 'react';
import { docPageName, readers, readPages, searchesLeadingHere } from './usage';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import { useView } from '../context/useView';
import { MiddleCut } from '../shared/MiddleCut';
import { Person } from '../shared/Person';
import { PortalLink } from '../shared/PortalLink';
import { usePortalLink } from '../shared/usePortalLink';
import { UsageList } from './UsageList';
import styles from './UsageLists.module.css';

export interface UsageListsProps {
  /** Whether the entity has documentation of its own. */
  hasDocs: boolean;
}

/** Tabs: the doc pages read most, the searches that led here, and the readers. */
export function UsageLists({ hasDocs }: UsageListsProps) {
  const { t } = usePages();
  const mayNames = useConfiguration().configuration?.may.people ?? false;
  const lists: { id: string; label: string; content: ReactNode }[] = [
    { id: 'searches', label: t('usage.searches'), content: <SearchesLeadingHere /> },
  ];
  if (hasDocs) lists.unshift({ id: 'docs', label: t('usage.docs'), content: <ReadPages /> });
  if (mayNames) lists.push({ id: 'readers', label: t('usage.readers'), content: <Readers /> });
  return (
    <Tabs className={styles.lists}>
      <TabList aria-label={t('usage.lists')}>
        {lists.map(({ id, label }) => (
          <Tab key={id} id={id}>
            {label}
          </Tab>
        ))}
      </TabList>
      {lists.map(({ id, content }) => (
        <TabPanel key={id} id={id} className={styles.list}>
          {content}
        </TabPanel>
      ))}
    </Tabs>
  );
}

function ReadPages() {
  const { t } = usePages();
  const { view } = useView();
  const portalLink = usePortalLink();
  const nameOf = (page: string | null) => {
    const text = docPageName(page ?? '') || t('usage.docs.first');
    const place = portalLink(page);
    return place ? (
      <PortalLink place={place} text={text} elsewhere={t('log.open', { subject: text })} />
    ) : (
      <MiddleCut text={text} />
    );
  };
  return (
    <UsageList
      query={readPages(view)}
      caption={t('usage.docs.caption')}
      rowId={({ doc_page }) => doc_page ?? ''}
      name={[t('usage.docs.page'), ({ doc_page }) => nameOf(doc_page)]}
      counts={[['events', t('usage.views')]]}
      none={t('usage.docs.none')}
    />
  );
}

function SearchesLeadingHere() {
  const { t } = usePages();
  const { view } = useView();
  const unknown = t('usage.searches.unknown');
  return (
    <UsageList
      query={searchesLeadingHere(view)}
      caption={t('usage.searches.caption')}
      rowId={({ search_term }) => search_term ?? ''}
      name={[t('usage.searches.term'), (row) => <MiddleCut text={row.search_term ?? unknown} />]}
      counts={[['events', t('usage.searches.led')]]}
      none={t('usage.searches.none')}
    />
  );
}

function Readers() {
  const { t } = usePages();
  const { view } = useView();
  return (
    <UsageList
      query={readers(view)}
      caption={t('usage.readers.caption')}
      rowId={({ person }) => person ?? ''}
      name={[t('people.person'), ({ person }) => <Person person={person} />]}
      counts={[['events', t('usage.views')]]}
      none={t('usage.nobody')}
    />
  );
}
