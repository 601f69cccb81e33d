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

/** Whether a view is about somebody, and the same view about everybody. */
function withoutPeople(view: View): { isAboutPeople: boolean; everybody: View } {
  const filters = view.filters.filter(({ dimension }) => dimension !== 'person');
  return { isAboutPeople: filters.length < view.filters.length, everybody: { ...view, filters } };
}

/** What is shown instead of the whole page, as far as the service allows to show anything; null: the page itself. */
function useInstead({ configuration, error, again }: AskedConfiguration): ReactNode {
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
  if (error && !configuration) return <PanelError title={t('error.page')} error={error} again={again} />;
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

/** What a page shows below its head, unless nothing can be shown at all. */
export function PageBody({ children }: { children: ReactNode }) {
  const { t } = usePages();
  const asked = useConfiguration({ isPage: true });
  const instead = useInstead(asked);
  if (instead) return <Container>{instead}</Container>;
  const { error, again } = asked;
  return (
    <Container className={styles.body}>
      {error && <PanelError title={t('error.page')} error={error} again={again} />}
      {children}
    </Container>
  );
}
