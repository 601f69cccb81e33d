import { createConfigSecretEnumerator } from '@backstage/backend-defaults/rootConfig';
import { mockServices } from '@backstage/backend-test-utils';
import { ConfigReader } from '@backstage/config';

/** The texts that the backend's logger redacts. */
async function secretsOf(analyticsInternal: Record<string, any>): Promise<string[]> {
  const logger = mockServices.logger.mock();
  const secretsIn = await createConfigSecretEnumerator({ logger, dir: __dirname });
  return [...secretsIn(new ConfigReader({ analyticsInternal }))];
}

it('keeps passwords and tokens out of the log, and leaves the rest of it readable', async () => {
  const secrets = await secretsOf({
    timezone: 'UTC',
    importTokens: ['a token of a machine'],
    destinations: [
      {
        name: 'audit',
        type: 'webhook',
        url: 'https://siem.example/hook/a-secret-path',
        secret: ['whsec_of_the_audit', 'whsec_of_the_time_before'],
        headers: { Authorization: 'Bearer of the audit' },
        people: 'none',
        start: 'now',
        filters: ['is', 'action', ['navigate']],
        format: 'cloudevents',
      },
      { name: 'site', type: 'ga4', api_secret: { env: 'GA4_SECRET' }, measurement_id: 'G-1' },
    ],
    settings: {
      database_url: 'postgresql://ana:secret@db/usage',
      import_tokens: ['another token of one'],
      log_level: 'info',
      kept_query_parameters: ['filters'],
    },
  });

  expect(secrets.sort()).toEqual([
    'Bearer of the audit',
    'a token of a machine',
    'another token of one',
    'https://siem.example/hook/a-secret-path',
    'postgresql://ana:secret@db/usage',
    'whsec_of_the_audit',
    'whsec_of_the_time_before',
  ]);
  // Reading the schemas of all packages takes long.
}, 60_000);
