import { Button, Card, Container } from '@backstage/ui';
import type { ReactNode } from 'react';
import { ProblemError } from '../../api/problem';
import type { View } from '../../view/view';
import { usePages } from '../context/PagesContext';
import { PEOPLE_READ, READ } from '../context/permission';
import { useConfiguration, type AskedConfiguration } from '../context/useConfiguration';
import { useView } from '../context/useView';
import { NotAllowed } from '../panel/NotAllowed';
import { PanelError } from '../panel/PanelError';
import { NoEvents } from './NoEvents';
import styles from './PageBody.module.css';

/** Whether a view has a filter by person, and the view without it. */
function withoutPeople(view: View): { isAboutPeople: boolean; everybody: View } {
  const filters = view.filters.filter(({ dimension }) => dimension !== 'person');
  return { isAboutPeople: filters.length < view.filters.length, everybody: { ...view, filters } };
}

/** What is shown instead of the page: an error, a missing permission, or what to do first; null: the page itself. */
function useInstead(asked: AskedConfiguration): ReactNode {
  const { configuration, error, again } = asked;
  const { t } = usePages();
  const { view, show } = useView();
  const { isAboutPeople, everybody } = withoutPeople(view);
  if (error instanceof ProblemError && error.isNotAllowed) {
    return (
      <Card>
        <NotAllowed permission={READ}>
          <Button variant="secondary" onPress={again}>
            {t('error.again')}
          </Button>
        </NotAllowed>
      </Card>
    );
  }
  if (error && !configuration) return <PanelError asked={asked} />;
  if (configuration?.first_day === null) return <NoEvents again={again} />;
  if (isAboutPeople && configuration?.may.people === false) {
    return (
      <Card>
        <NotAllowed permission={PEOPLE_READ}>
          <Button variant="secondary" onPress={() => show(everybody)}>
            {t('notAllowed.unfilter')}
          </Button>
        </NotAllowed>
      </Card>
    );
  }
  return null;
}

/** The part of a page below its head. */
export function PageBody({ children }: { children: ReactNode }) {
  const asked = useConfiguration({ isPage: true });
  const instead = useInstead(asked);
  if (instead) return <Container>{instead}</Container>;
  return (
    <Container className={styles.body}>
      <PanelError asked={asked} />
      {children}
    </Container>
  );
}
