import { DatabaseService, LoggerService } from '@backstage/backend-plugin-api';
import { Config } from '@backstage/config';
import { join } from 'node:path';
import { ChangingPassword } from './changingPassword';
import { PrivateFiles } from './privateFiles';
import { databaseUrl, KnexConfig } from './databaseUrl';

const PLUGIN_ID = 'analytics-internal';
const KEY = 'backend.database';

/** The database of the plugin. */
export interface Database {
  /** The service's `database_url`; undefined if it runs its own PostgreSQL. */
  url?: string;
  /** The service's `data_dir`, if the backend's database configuration implies one. */
  dataDir?: string;
  /** Stop renewing the password, and remove the private files. */
  close(): void;
}

/**
 * The database that Backstage gives to the plugin.
 *
 * With the client `pg`, Backstage makes the database or schema. The connection is read from the client it returns, so
 * all of `backend.database` counts: division, prefix, overrides for the plugin, connection strings. With any other
 * client the service runs its own PostgreSQL. Backstage is not asked then, because its driver may not be installed.
 *
 * @throws InputError when another program cannot open the connection.
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

/** A folder beside Backstage's SQLite files: if those are on a volume, the service's data are too. */
function besideTheOtherDatabases(config: Config): string | undefined {
  for (const key of [`${KEY}.plugin.${PLUGIN_ID}.connection`, `${KEY}.connection`]) {
    const connection = config.getOptional(key);
    if (typeof connection === 'object' && connection !== null && 'directory' in connection) {
      return join(String(connection.directory), PLUGIN_ID);
    }
  }
  return undefined;
}
