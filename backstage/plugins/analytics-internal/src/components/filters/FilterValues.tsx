import { Checkbox } from '@backstage/ui';
import type { Query } from '../../api/query';
import { most } from '../../view/questions';
import type { View, ViewDimension } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { TitlesProvider } from '../context/titles';
import { useAnswer } from '../context/useAnswer';
import { useView } from '../context/useView';
import { PanelError } from '../panel/PanelError';
import { Figure } from '../shared/Figure';
import { MiddleCut } from '../shared/MiddleCut';
import { useValueName } from '../shared/useFilterName';
import styles from './FilterValues.module.css';

export interface FilterValuesProps {
  dimension: Exclude<ViewDimension, 'path'>;
  /** Only values that contain it. */
  search: string;
  chosen: (string | null)[];
  onChange: (chosen: (string | null)[]) => void;
}

/** The values of a dimension that contain `text`, most used first, whatever the filters of the view. */
export function suggestions<D extends Exclude<ViewDimension, 'path'>>(
  view: View,
  dimension: D,
  text: string,
): Query<D | 'events'> {
  const filters: View['filters'] = text ? [{ operator: 'contains', dimension, values: [text] }] : [];
  return most({ ...view, filters }, dimension, ['events'], 50);
}

/** The values of a dimension to choose from, most used first. */
export function FilterValues({ dimension, search, chosen, onChange }: FilterValuesProps) {
  const { t } = usePages();
  const { view } = useView();
  const asked = useAnswer(suggestions(view, dimension, search));
  const { answer, isStale } = asked;
  const found = answer?.results ?? [];
  // A chosen value stays visible when the search does not find it.
  const others = chosen.filter((value) => !found.some((row) => row[dimension] === value));

  function toggle(value: string | null, isChosen: boolean) {
    onChange(isChosen ? [...chosen, value] : chosen.filter((other) => other !== value));
  }

  if (asked.error) return <PanelError what={t('filter.values')} asked={asked} />;
  return (
    <TitlesProvider answer={answer}>
      <div
        role="group"
        aria-label={t('filter.values')}
        className={styles.values}
        data-stale={isStale || undefined}
      >
        {others.map((value) => (
          <Checkbox key={value ?? ''} isSelected onChange={(isChosen) => toggle(value, isChosen)}>
            <ValueName dimension={dimension} value={value} />
          </Checkbox>
        ))}
        {found.map((row) => {
          const value: string | null = row[dimension];
          return (
            <div key={value ?? ''} className={styles.value}>
              <Checkbox
                className={styles.name}
                isSelected={chosen.includes(value)}
                onChange={(isChosen) => toggle(value, isChosen)}
              >
                <ValueName dimension={dimension} value={value} />
              </Checkbox>
              <Figure value={row.events.value} />
            </div>
          );
        })}
        {answer && found.length === 0 && <p className={styles.none}>{t('filter.noValues')}</p>}
      </div>
    </TitlesProvider>
  );
}

/** A value by its name, and as it is on hover. */
function ValueName({ dimension, value }: { dimension: ViewDimension; value: string | null }) {
  return <MiddleCut text={useValueName()(dimension, value)} title={value ?? undefined} />;
}
