import { Container } from '@backstage/ui';
import type { ReactNode } from 'react';
import styles from './PageBody.module.css';
import { usePages } from './PagesContext';
import { NoEvents } from './NoEvents';
import { PanelError } from './PanelError';
import { useConfiguration } from './useConfiguration';

/** What a page shows below its head, unless nothing can be shown at all. */
export function PageBody({ children }: { children: ReactNode }) {
  const { t } = usePages();
  const { configuration, error, again } = useConfiguration({ isPage: true });
  if (error && !configuration) {
    return (
      <Container>
        <PanelError title={t('error.page')} error={error} again={again} />
      </Container>
    );
  }
  if (configuration?.first_day === null) {
    return (
      <Container>
        <NoEvents again={again} />
      </Container>
    );
  }
  return (
    <Container className={styles.body}>
      {error && <PanelError title={t('error.page')} error={error} again={again} />}
      {children}
    </Container>
  );
}
