import { Tab, TabList, TabPanel, Tabs } from '@backstage/ui';
import type { ReactNode } from 'react';
import { docPageName, readers, readPages, searchesLeadingHere } from '../../view/usage';
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

/** What of it was read, what led to it, and who came: one at a time, in the same place. */
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
      dimension="doc_page"
      caption={t('usage.docs.caption')}
      columns={[t('usage.docs.page'), t('usage.views')]}
      none={t('usage.docs.none')}
      name={nameOf}
    />
  );
}

function SearchesLeadingHere() {
  const { t } = usePages();
  const { view } = useView();
  return (
    <UsageList
      query={searchesLeadingHere(view)}
      dimension="search_term"
      caption={t('usage.searches.caption')}
      columns={[t('usage.searches.term'), t('usage.searches.led')]}
      none={t('usage.searches.none')}
      name={(term) => <MiddleCut text={term ?? t('usage.searches.unknown')} />}
    />
  );
}

function Readers() {
  const { t } = usePages();
  const { view } = useView();
  return (
    <UsageList
      query={readers(view)}
      dimension="person"
      caption={t('usage.readers.caption')}
      columns={[t('people.person'), t('usage.views')]}
      none={t('usage.nobody')}
      name={(person) => <Person person={person} />}
    />
  );
}
