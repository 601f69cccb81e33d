import { Link } from '@backstage/ui';
import { busiestPeople } from '../view/questions';
import { withFilter } from '../view/view';
import { Figure } from './Figure';
import { MiddleCut } from './MiddleCut';
import { Nothing } from './Nothing';
import { usePages } from './PagesContext';
import { Panel } from './Panel';
import { RankTable } from './RankTable';
import { useAnswer } from './useAnswer';
import { useValueName } from './useFilterName';
import { useView } from './useView';

const HEIGHT = 384;

/** "Actions Performed (Total)": the people who did most. Each leads to the page of what they alone did. */
export function BusiestPeople() {
  const { t } = usePages();
  const { view, hrefOf } = useView();
  const valueName = useValueName();
  const asked = useAnswer(busiestPeople(view));
  return (
    <Panel title={t('people.title')} asked={asked} height={HEIGHT}>
      {({ results, meta }) =>
        results.length === 0 ? (
          <Nothing period={meta.period} isBrief />
        ) : (
          <RankTable
            caption={t('people.caption')}
            columns={[t('people.person'), t('people.events')]}
            rows={results.map(({ person, events }) => {
              const name = valueName('person', person);
              const filters = withFilter(view.filters, {
                dimension: 'person',
                operator: 'is',
                values: [person],
              });
              return {
                key: person ?? '',
                name: (
                  <Link href={hrefOf({ ...view, filters })} standalone title={person ?? undefined}>
                    <MiddleCut text={name} />
                  </Link>
                ),
                share: events.value / (results[0]?.events.value ?? 1),
                figures: [<Figure key="events" value={events.value} />],
              };
            })}
          />
        )
      }
    </Panel>
  );
}
