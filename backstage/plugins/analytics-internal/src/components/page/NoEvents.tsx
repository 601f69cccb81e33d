import { Button, Card } from '@backstage/ui';
import { usePages, type Alone, type InPortal } from '../context/PagesContext';
import { CommandLine } from './CommandLine';
import styles from './NoEvents.module.css';

/** Shown before the first event: what to do. */
export function NoEvents({ again }: { again: () => void }) {
  const { t, around } = usePages();
  return (
    <section aria-labelledby="no-events">
      <Card className={styles.card}>
        <h3 id="no-events" className={styles.title}>
          {t('empty.title')}
        </h3>
        {around.kind === 'alone' ? <SendEvents {...around} /> : <InstallModule {...around} />}
        <div>
          <Button variant="secondary" onPress={again}>
            {t('empty.again')}
          </Button>
        </div>
      </Card>
    </section>
  );
}

function SendEvents({ serviceUrl }: Alone) {
  const { t } = usePages();
  const event = '{"action": "navigate", "subject": "/catalog", "user": "user:default/ana"}';
  return (
    <>
      <p>{t('empty.text')}</p>
      <CommandLine
        label={t('empty.send')}
        command={`curl ${serviceUrl}/api/analytics-internal/events \\\n  -H 'content-type: application/json' \\\n  -d '${event}'`}
      />
      <CommandLine label={t('empty.import')} command={`analytics-internal import FILE --url ${serviceUrl}`} />
      <CommandLine label={t('empty.demo')} command={`analytics-internal demo --url ${serviceUrl}`} />
    </>
  );
}

const MODULE = 'backstage-plugin-analytics-module-internal';

// The module's README says the same at length.
const additions: Record<InPortal['system'], string> = {
  new: `import analyticsModule from '${MODULE}';

export default createApp({ features: [analyticsModule] });`,
  legacy: `import { AnalyticsInternalApi } from '${MODULE}';

createApiFactory({
  api: analyticsApiRef,
  deps: { configApi: configApiRef, identityApi: identityApiRef, discoveryApi: discoveryApiRef },
  factory: ({ configApi, identityApi, discoveryApi }) =>
    AnalyticsInternalApi.fromConfig(configApi, { identityApi, discoveryApi }),
});`,
};

function InstallModule({ system }: InPortal) {
  const { t } = usePages();
  return (
    <>
      <p>{t('empty.portal')}</p>
      <CommandLine label={t('empty.install')} command={`yarn --cwd packages/app add ${MODULE}`} />
      <CommandLine
        label={t(system === 'new' ? 'empty.features' : 'empty.apis')}
        command={additions[system]}
      />
    </>
  );
}
