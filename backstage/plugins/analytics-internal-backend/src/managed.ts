import { DatabaseService, DiscoveryService, LoggerService } from '@backstage/backend-plugin-api';
import { Config } from '@backstage/config';
import { asEnvironment, definedOnly, inWordsOfAppConfig, ManagedConfig, Settings } from './config';
import { Database, pluginDatabase } from './database';
import { portalFolder } from './dataFolder';
import { Supervisor } from './supervisor';
import { Upstream } from './upstream';

/** What the bridge asks the backend for. */
export interface Backend {
  config: Config;
  database: DatabaseService;
  discovery: DiscoveryService;
  logger: LoggerService;
}

/** A service that this backend has started. */
export interface Managed {
  /** Where the service answers, or why it does not just now. */
  upstream(): Upstream;
  /** Stop the service and return when it has ended. */
  stop(): Promise<void>;
}

/**
 * Start the service as this backend's own, on this backend's own database.
 *
 * Returns when the database is there and the program has been started; that it is ready shows in `upstream`.
 */
export async function startManaged(bridge: ManagedConfig, backend: Backend): Promise<Managed> {
  const database: Database =
    bridge.settings.database_url === undefined
      ? await pluginDatabase(backend.config, backend.database, backend.logger)
      : { close: () => {} };
  const settings = await serviceSettings(bridge, backend, database);
  if (settings.data_dir !== undefined) {
    backend.logger.info(`analytics-internal keeps its data in ${settings.data_dir}`);
  }
  const words = inWordsOfAppConfig(backend.config, settings);
  const supervisor = new Supervisor(bridge.command, environment(settings), backend.logger, {}, words);
  supervisor.start();
  return {
    upstream: () => supervisor.upstream(),
    stop: async () => {
      await supervisor.stop();
      database.close();
    },
  };
}

/** The service's settings: what this backend says of itself, then what app-config says for the service. */
async function serviceSettings(
  bridge: ManagedConfig,
  { config, discovery, logger }: Backend,
  database: Database,
): Promise<Settings> {
  const dataDir = bridge.settings.data_dir ?? database.dataDir ?? portalFolder(config, logger);
  return {
    portal_url: config.getOptionalString('app.baseUrl'),
    backend_url: config.getString('backend.baseUrl'),
    internal_backend_url: (await discovery.getBaseUrl('auth')).replace(/\/api\/auth\/?$/, ''),
    permissions: config.getOptionalBoolean('permission.enabled') ? 'framework' : 'lists',
    database_url: database.url,
    ...definedOnly(bridge.settings),
    data_dir: dataDir,
    host: '127.0.0.1',
    port: 0,
    auth: 'backstage',
    log_format: 'json',
    stop_with_stdin: true,
  };
}

/** This process's own environment with the settings in it, and no proxy between the service and this backend. */
function environment(settings: Settings): NodeJS.ProcessEnv {
  const { hostname } = new URL(String(settings.internal_backend_url));
  const host = hostname.replace(/^\[|\]$/g, ''); // in brackets the service could not read it
  const noProxy = [process.env.NO_PROXY ?? process.env.no_proxy, host].filter(Boolean).join(',');
  return {
    ...process.env,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    // A password that changes is in a file, which the driver would not look into.
    ...(String(settings.database_url).includes('passfile=') && { PGPASSWORD: undefined }),
    ...asEnvironment(settings),
  };
}
