import { Card } from '@backstage/ui';
import { usePages } from '../context/PagesContext';
import { CommandLine } from '../page/CommandLine';
import styles from './NoDestinations.module.css';

const destinations = `destinations:
  - name: audit
    type: webhook
    url: https://siem.example/hook
    secret: { env: AUDIT_SECRET }
    filters: [is, action, [navigate, search]]
  - name: lake
    type: parquet
    url: s3://analytics/events
    start: beginning`;

/** Says what destinations are for, with an example to paste. */
export function NoDestinations() {
  const { t, around } = usePages();
  const isAlone = around.kind === 'alone';
  const inAppConfig = `analyticsInternal:\n${destinations.replaceAll(/^/gm, '  ')}`;
  return (
    <section aria-labelledby="no-destinations">
      <Card className={styles.card}>
        <h3 id="no-destinations" className={styles.title}>
          {t('destinations.none.title')}
        </h3>
        <p>{t('destinations.none.text')}</p>
        <CommandLine
          label={t(isAlone ? 'destinations.none.alone' : 'destinations.none.portal')}
          command={isAlone ? destinations : inAppConfig}
        />
      </Card>
    </section>
  );
}
