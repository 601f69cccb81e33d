import { busiestPeople } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { useAnswer } from '../context/useAnswer';
import { useView } from '../context/useView';
import { Nothing } from '../panel/Nothing';
import { Panel } from '../panel/Panel';
import { Figure } from '../shared/Figure';
import { PersonLink } from '../shared/PersonLink';
import { RankTable } from '../table/RankTable';

const HEIGHT = 384;

/** "Actions Performed (Total)": the people who did most. Each leads to the page of what they alone did. */
export function BusiestPeople() {
  const { t } = usePages();
  const { view, hrefOf } = useView();
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
            rows={results.map(({ person, events }) => ({
              key: person ?? '',
              name: <PersonLink person={person} hrefOf={hrefOf} />,
              share: events.value / (results[0]?.events.value ?? 1),
              figures: [<Figure key="events" value={events.value} />],
            }))}
          />
        )
      }
    </Panel>
  );
}
