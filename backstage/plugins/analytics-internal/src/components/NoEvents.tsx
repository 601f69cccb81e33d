import { Button, Card } from '@backstage/ui';
import { CommandLine } from './CommandLine';
import styles from './NoEvents.module.css';
import { usePages } from './PagesContext';

/** Nothing was ever stored: what to do first. */
export function NoEvents({ again }: { again: () => void }) {
  const { t, serviceUrl } = usePages();
  const event = '{"action": "navigate", "subject": "/catalog", "user": "user:default/ana"}';
  return (
    <section aria-labelledby="no-events">
      <Card className={styles.card}>
        <h3 id="no-events" className={styles.title}>
          {t('empty.title')}
        </h3>
        <p>{t('empty.text')}</p>
        <CommandLine
          label={t('empty.send')}
          command={`curl ${serviceUrl}/api/analytics-internal/events \\\n  -H 'content-type: application/json' \\\n  -d '${event}'`}
        />
        <CommandLine
          label={t('empty.import')}
          command={`analytics-internal import FILE --url ${serviceUrl}`}
        />
        <CommandLine label={t('empty.demo')} command={`analytics-internal demo --url ${serviceUrl}`} />
        <div>
          <Button variant="secondary" onPress={again}>
            {t('empty.again')}
          </Button>
        </div>
      </Card>
    </section>
  );
}
