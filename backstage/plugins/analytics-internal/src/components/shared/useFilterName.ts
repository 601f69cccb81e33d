import { useCallback } from 'react';
import { shortEntityRef } from '../../format/entityRefs';
import type { ViewDimension, ViewFilter } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { useTitles } from '../context/titles';

/** One value of a dimension in words: an entity and a person by their titles, where the answers around have them. */
export function useValueName(): (dimension: ViewDimension, value: string | null) => string {
  const { t } = usePages();
  const titles = useTitles();
  return useCallback(
    (dimension, value) => {
      if (value === null) return t(`none.${dimension}`);
      const isRef = dimension === 'person' || dimension === 'entity';
      return isRef ? (titles[value] ?? shortEntityRef(value)) : value;
    },
    [t, titles],
  );
}

/** A filter in words: `plugin is techdocs or catalog`. */
export function useFilterName(): (filter: ViewFilter) => string {
  const { t } = usePages();
  const valueName = useValueName();
  return useCallback(
    ({ dimension, operator, values }) =>
      t('filter.chip', {
        dimension: t(`dimension.${dimension}`),
        operator: t(`operator.${operator}`),
        values: values.map((value) => valueName(dimension, value)).join(t('filter.or')),
      }),
    [t, valueName],
  );
}
