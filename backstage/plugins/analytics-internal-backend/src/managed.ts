import { AuthService, DatabaseService, DiscoveryService, LoggerService } from '@backstage/backend-plugin-api';
import { Config } from '@backstage/config';
import { asEnvironment, definedOnly, inWordsOfAppConfig, ManagedConfig, Settings } from './config';
import { Database, pluginDatabase } from './database';
import { portalFolder } from './dataFolder';
import { PortalTokens } from './portalTokens';
import { Supervisor } from './supervisor';
import { Upstream } from './upstream';

/** The backend's services that the bridge uses. */
export interface Backend {
  auth: AuthService;
  config: Config;
  database: DatabaseService;
  discovery: DiscoveryService;
  logger: LoggerService;
}

/** A service that this backend started. */
export interface Managed {
  /** The service's address, or why there is none at the moment. */
  upstream(): Upstream;
  /** Stop the service and return when it has ended. */
  stop(): Promise<void>;
}

/**
 * Start the service beside this backend, on this backend's database.
 *
 * Returns when the database exists and the program was started. `upstream` shows when the service is ready.
 */
export async function startManaged(bridge: ManagedConfig, backend: Backend): Promise<Managed> {
  const database: Database =
    bridge.settings.database_url === undefined
      ? await pluginDatabase(backend.config, backend.database, backend.logger)
      : { close: () => {} };
  const tokens = new PortalTokens(backend.auth, backend.logger);
  const settings: Settings = {
    ...(await serviceSettings(bridge, backend, database)),
    portal_tokens_file: await tokens.begin(),
  };
  if (settings.data_dir !== undefined) {
    backend.logger.info(`analytics-internal keeps its data in ${settings.data_dir}`);
  }
  const supervisor = new Supervisor({
    command: bridge.command,
    environment: environment(settings),
    logger: backend.logger,
    reword: inWordsOfAppConfig(backend.config, settings),
  });
  supervisor.start();
  return {
    upstream: () => supervisor.upstream(),
    stop: async () => {
      await supervisor.stop();
      tokens.end();
      database.close();
    },
  };
}

/** The service's settings: this backend's own values, then those of app-config, then those that the bridge decides. */
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

/** This process's environment, with the settings, and without a proxy between the service and this backend. */
function environment(settings: Settings): NodeJS.ProcessEnv {
  const { hostname } = new URL(String(settings.internal_backend_url));
  const host = hostname.replace(/^\[|\]$/g, ''); // the service cannot read an address in brackets
  const noProxy = [process.env.NO_PROXY ?? process.env.no_proxy, host].filter(Boolean).join(',');
  return {
    ...process.env,
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    // A changing password is in a file. The driver ignores the file if this variable is set.
    ...(String(settings.database_url).includes('passfile=') && { PGPASSWORD: undefined }),
    ...asEnvironment(settings),
  };
}
