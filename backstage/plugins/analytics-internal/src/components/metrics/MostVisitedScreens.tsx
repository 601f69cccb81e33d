import { Link } from '@backstage/ui';
import type { Item, Query } from '../../api/query';
import { addressOf } from '../../view/address';
import { most } from '../../view/questions';
import type { View } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useView } from '../context/useView';
import { MiddleCut } from '../shared/MiddleCut';
import { RankPanel } from '../table/RankPanel';

/** The pages people went to most. */
export function mostVisitedScreens(view: View): Query<'item' | 'events' | 'people'> {
  return most(view, 'item', ['events', 'people'], 10, { action: 'navigate' });
}

/** "Most Visited Screens": where people navigated to most. Each leads to its details. */
export function MostVisitedScreens() {
  const { t, paths } = usePages();
  const { view } = useView();
  const nameOf = ({ item }: { item: Item }) => (
    <Link href={addressOf(paths.item(item.id), view)} standalone>
      <MiddleCut text={item.path ?? item.subject} />
    </Link>
  );
  return (
    <RankPanel
      title={t('screens.title')}
      query={mostVisitedScreens(view)}
      caption={t('screens.caption')}
      rowId={({ item }) => String(item.id)}
      name={[t('screens.screen'), nameOf]}
      counts={[
        ['events', t('screens.events')],
        ['people', t('screens.people')],
      ]}
    />
  );
}
