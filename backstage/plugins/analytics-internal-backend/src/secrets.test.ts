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
    settings: {
      database_url: 'postgresql://ana:secret@db/usage',
      import_tokens: ['another token of one'],
      log_level: 'info',
      kept_query_parameters: ['filters'],
    },
  });

  expect(secrets.sort()).toEqual([
    'a token of a machine',
    'another token of one',
    'postgresql://ana:secret@db/usage',
  ]);
  // Reading the schemas of all packages takes long.
}, 60_000);
