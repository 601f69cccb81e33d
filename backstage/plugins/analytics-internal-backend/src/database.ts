import { DatabaseService, LoggerService } from '@backstage/backend-plugin-api';
import { Config } from '@backstage/config';
import { join } from 'node:path';
import { ChangingPassword } from './changingPassword';
import { PrivateFiles } from './privateFiles';
import { databaseUrl, KnexConfig } from './databaseUrl';

const PLUGIN_ID = 'analytics-internal';
const KEY = 'backend.database';

/** The database that this backend has for the plugin. */
export interface Database {
  /** `database_url` of the service; undefined when it runs its own PostgreSQL. */
  url?: string;
  /** `data_dir` of the service as far as the backend's database says one. */
  dataDir?: string;
  /** End what keeps the access to it alive. */
  close(): void;
}

/**
 * The database as Backstage itself gives it to a plugin.
 *
 * With the client `pg` Backstage makes the database or schema, and its own reading of `backend.database` (division,
 * prefix, the plugin's overrides, connection strings) is taken from the client it returns. Any other client means
 * the service's own PostgreSQL; Backstage is not asked then, as its driver may not even be installed.
 *
 * @throws InputError when the connection cannot be made by another program.
 */
export async function pluginDatabase(
  config: Config,
  database: DatabaseService,
  logger: LoggerService,
): Promise<Database> {
  const client =
    config.getOptionalString(`${KEY}.plugin.${PLUGIN_ID}.client`) ??
    config.getOptionalString(`${KEY}.client`);
  if (client !== 'pg') {
    return { dataDir: besideTheOtherDatabases(config), close: () => {} };
  }
  const knex = await database.getClient();
  const knexConfig: KnexConfig = knex.client.config;
  const files = new PrivateFiles();
  if (typeof knexConfig.connection !== 'function') {
    return { url: databaseUrl(knexConfig, knexConfig.connection, files), close: () => files.remove() };
  }
  const password = new ChangingPassword(knexConfig.connection, files, logger);
  const connection = await password.begin();
  return {
    url: databaseUrl(knexConfig, connection, files),
    close: () => {
      password.end();
      files.remove();
    },
  };
}

/** Where Backstage keeps its SQLite files, the service keeps its data: what is put on a volume is put there. */
function besideTheOtherDatabases(config: Config): string | undefined {
  for (const key of [`${KEY}.plugin.${PLUGIN_ID}.connection`, `${KEY}.connection`]) {
    const connection = config.getOptional(key);
    if (typeof connection === 'object' && connection !== null && 'directory' in connection) {
      return join(String(connection.directory), PLUGIN_ID);
    }
  }
  return undefined;
}
