import type { Query } from '../../api/query';
import { most } from '../../view/questions';
import type { View } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useView } from '../context/useView';
import { PersonLink } from '../shared/PersonLink';
import { RankPanel } from '../table/RankPanel';

/** Who did most. */
export function busiestPeople(view: View): Query<'person' | 'events'> {
  return most(view, 'person', ['events'], 10);
}

/** "Actions Performed (Total)": the people who did most. Each leads to the page of what they alone did. */
export function BusiestPeople() {
  const { t } = usePages();
  const { view, hrefOf } = useView();
  return (
    <RankPanel
      title={t('people.title')}
      query={busiestPeople(view)}
      caption={t('people.caption')}
      rowId={({ person }) => person ?? ''}
      name={[t('people.person'), ({ person }) => <PersonLink person={person} hrefOf={hrefOf} />]}
      counts={[['events', t('people.events')]]}
    />
  );
}
