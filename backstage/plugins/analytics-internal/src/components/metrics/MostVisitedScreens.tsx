import { Link } from '@backstage/ui';
import { viewParameters } from '../../view/address';
import { mostVisitedScreens } from '../../view/questions';
import { usePages } from '../context/PagesContext';
import { useAnswer } from '../context/useAnswer';
import { useView } from '../context/useView';
import { Nothing } from '../panel/Nothing';
import { Panel } from '../panel/Panel';
import { Figure } from '../shared/Figure';
import { MiddleCut } from '../shared/MiddleCut';
import { RankTable } from '../table/RankTable';

const HEIGHT = 384;

/** "Most Visited Screens": where people navigated to most. Each leads to its details. */
export function MostVisitedScreens() {
  const { t, paths } = usePages();
  const { view } = useView();
  const asked = useAnswer(mostVisitedScreens(view));
  return (
    <Panel title={t('screens.title')} asked={asked} height={HEIGHT}>
      {({ results, meta }) =>
        results.length === 0 ? (
          <Nothing period={meta.period} isBrief />
        ) : (
          <RankTable
            caption={t('screens.caption')}
            columns={[t('screens.screen'), t('screens.events'), t('screens.people')]}
            rows={results.map(({ item, events, people }) => ({
              key: String(item.id),
              name: (
                <Link href={`${paths.item(item.id)}?${viewParameters(view).toString()}`} standalone>
                  <MiddleCut text={item.path ?? item.subject} />
                </Link>
              ),
              share: events.value / (results[0]?.events.value ?? 1),
              figures: [
                <Figure key="events" value={events.value} />,
                <Figure key="people" value={people.value} />,
              ],
            }))}
          />
        )
      }
    </Panel>
  );
}
