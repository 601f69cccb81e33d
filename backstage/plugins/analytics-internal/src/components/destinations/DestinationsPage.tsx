import { Card, Container } from '@backstage/ui';
import type { ReactNode } from 'react';
import { useSearchParams } from 'react-router-dom';
import { ProblemError } from '../../api/problem';
import { ADMIN } from '../context/permission';
import { usePages } from '../context/PagesContext';
import { useConfiguration } from '../context/useConfiguration';
import { PageFrame } from '../page/PageFrame';
import { NotAllowed } from '../panel/NotAllowed';
import { PanelError } from '../panel/PanelError';
import { Waiting } from '../panel/Waiting';
import { DeadLetters } from './DeadLetters';
import styles from './DestinationsPage.module.css';
import { DestinationTable } from './DestinationTable';
import { NoDestinations } from './NoDestinations';
import { Summary } from './Summary';
import { useDestinations, type AskedDestinations } from './useDestinations';

/** Where events are forwarded to, how far each destination is, and what can be done. */
export default function DestinationsPage() {
  const { t, paths } = usePages();
  return (
    <PageFrame title={t('page.destinations')} parent={{ label: t('page.metrics'), href: paths.metrics }}>
      <Container className={styles.body}>
        <Body />
      </Container>
    </PageFrame>
  );
}

function Body() {
  const { t } = usePages();
  const { configuration } = useConfiguration();
  const mayNot = configuration?.may.admin === false;
  const asked = useDestinations({ isEnabled: !mayNot });
  const isRefused = asked.error instanceof ProblemError && asked.error.isNotAllowed;
  if (mayNot || isRefused) {
    return (
      <Card>
        <NotAllowed permission={ADMIN} />
      </Card>
    );
  }
  return (
    <>
      <PanelError what={t('destinations.table')} asked={asked} />
      <Content asked={asked} />
    </>
  );
}

function Content({ asked: { destinations, error } }: { asked: AskedDestinations }): ReactNode {
  const { t } = usePages();
  const [parameters, setParameters] = useSearchParams();
  const opened = destinations?.find(({ name }) => name === parameters.get('dead'));
  if (!destinations) {
    return (
      !error && (
        <div className={styles.waiting}>
          <Waiting what={t('destinations.table')} />
        </div>
      )
    );
  }
  if (destinations.length === 0) return <NoDestinations />;
  const open = (name: string | null) =>
    setParameters(name === null ? {} : { dead: name }, { preventScrollReset: true });
  return (
    <>
      <Summary destinations={destinations} />
      <DestinationTable destinations={destinations} opened={opened?.name ?? null} onOpen={open} />
      {opened && <DeadLetters key={opened.name} destination={opened} onClose={() => open(null)} />}
    </>
  );
}
