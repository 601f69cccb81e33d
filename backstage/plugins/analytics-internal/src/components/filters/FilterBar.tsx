import { Button, Menu, MenuItem, MenuTrigger, Tag, TagGroup } from '@backstage/ui';
import { RiAddLine } from '@remixicon/react';
import { lazy, Suspense, useState } from 'react';
import { filterDimensions, withFilter, withoutFilter, type ViewFilter } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import { useView } from '../context/useView';
import { useFilterName } from '../shared/useFilterName';
import styles from './FilterBar.module.css';

const FilterDialog = lazy(() => import('./FilterDialog'));

function keyOf({ dimension, operator }: ViewFilter): string {
  return `${dimension}.${operator}`;
}

/** The page's filters as chips, and a way to add one. */
export function FilterBar() {
  const { t } = usePages();
  const { view, show } = useView();
  const filterName = useFilterName();
  const mayNames = useConfiguration().configuration?.may.people ?? false;
  const offered = filterDimensions.filter((dimension) => mayNames || dimension !== 'person');
  const [edited, setEdited] = useState<ViewFilter | null>(null);

  function apply(filter: ViewFilter) {
    const others = edited ? withoutFilter(view.filters, edited) : view.filters;
    show({ ...view, filters: withFilter(others, filter) });
  }

  return (
    <div className={styles.bar}>
      {view.filters.length > 0 && (
        <TagGroup
          aria-label={t('filter.list')}
          onRemove={(keys) =>
            show({ ...view, filters: view.filters.filter((filter) => !keys.has(keyOf(filter))) })
          }
        >
          {view.filters.map((filter) => (
            <Tag
              key={keyOf(filter)}
              id={keyOf(filter)}
              className={styles.chip}
              textValue={filterName(filter)}
              onPress={() => setEdited(filter)}
            >
              <span title={filter.values.filter((value) => value !== null).join(', ')}>
                {filterName(filter)}
              </span>
            </Tag>
          ))}
        </TagGroup>
      )}
      <MenuTrigger>
        <Button variant="tertiary" iconStart={<RiAddLine />}>
          {t('filter.add')}
        </Button>
        <Menu aria-label={t('filter.add')}>
          {offered.map((dimension) => (
            <MenuItem
              key={dimension}
              id={dimension}
              className={styles.dimension}
              onAction={() =>
                setEdited({ dimension, operator: dimension === 'path' ? 'contains' : 'is', values: [] })
              }
            >
              {t(`dimension.${dimension}`)}
            </MenuItem>
          ))}
        </Menu>
      </MenuTrigger>
      {view.filters.length > 1 && (
        <Button variant="tertiary" onPress={() => show({ ...view, filters: [] })}>
          {t('filter.clear')}
        </Button>
      )}
      {edited && (
        <Suspense>
          <FilterDialog filter={edited} onApply={apply} onClose={() => setEdited(null)} />
        </Suspense>
      )}
    </div>
  );
}
