import { LoggerService } from '@backstage/backend-plugin-api';
import { Config } from '@backstage/config';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';

const NAME = 'analytics-internal';
/** The folder of the whole log, inside a data folder. */
const LOG = 'postgres';
const VARIABLE = 'ANALYTICS_INTERNAL_DATA_DIR';
const FILES = [`${NAME}.toml`, `${NAME}.yaml`];
const KEY = 'analyticsInternal.dataDir';

/** What decides where a portal's data are: the process's environment and working folder. */
export interface Surroundings {
  environment: NodeJS.ProcessEnv;
  folder: string;
}

/**
 * The default folder of this portal's data: below the user's data folder, named after the place of the portal's
 * sources and after its address. So each portal of a user has its own.
 *
 * Undefined if the service's own environment variable or settings file names a folder.
 */
export function portalFolder(
  config: Config,
  logger: LoggerService,
  { environment, folder }: Surroundings = { environment: process.env, folder: process.cwd() },
): string | undefined {
  const shared = folderOfTheUser(environment);
  if (environment[VARIABLE] || isInAFile(folder)) {
    return undefined;
  }
  const root = rootOf(realpathSync(folder));
  const place = `${basename(root).replace(/[^\w.-]+/g, '-') || 'portal'}-${digest(root)}`;
  const own = join(shared, 'portals', `${place}-${digest(config.getString('backend.baseUrl'))}`);
  if (!existsSync(own)) {
    for (const earlier of [shared, ...siblings(shared, `${place}-`)].filter(hasLog)) {
      logger.warn(
        `${earlier} has data of an earlier analytics-internal. This portal now keeps its data in ${own}; to use the ` +
          `earlier data, set ${KEY}: ${earlier}`,
      );
    }
  }
  return own;
}

/** The user's data folder for this program. The service finds the same one. */
function folderOfTheUser({ XDG_DATA_HOME: named, LOCALAPPDATA: local }: NodeJS.ProcessEnv): string {
  try {
    switch (process.platform) {
      case 'darwin':
        return join(homedir(), 'Library', 'Application Support', NAME);
      case 'win32':
        return join(local ?? join(homedir(), 'AppData', 'Local'), NAME, NAME);
      default:
        return join(named && isAbsolute(named) ? named : join(homedir(), '.local', 'share'), NAME);
    }
  } catch {
    return join('/var/lib', NAME); // a user without a name and a home folder
  }
}

/** Whether the service's own settings file says where the data are. */
function isInAFile(folder: string): boolean {
  return FILES.map((name) => join(folder, name)).some(
    (file) => existsSync(file) && /^\s*["']?data_dir\b/m.test(readFileSync(file, 'utf8')),
  );
}

/** The workspace that contains `folder`. A backend may start anywhere in it and is still the same portal. */
function rootOf(folder: string): string {
  for (let above = folder; ; above = dirname(above)) {
    if (isWorkspace(join(above, 'package.json'))) {
      return above;
    }
    if (above === dirname(above)) {
      return folder;
    }
  }
}

function isWorkspace(file: string): boolean {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).workspaces !== undefined;
  } catch {
    return false;
  }
}

function siblings(shared: string, prefix: string): string[] {
  const portals = join(shared, 'portals');
  const names = existsSync(portals) ? readdirSync(portals) : [];
  return names.filter((name) => name.startsWith(prefix)).map((name) => join(portals, name));
}

function hasLog(folder: string): boolean {
  return existsSync(join(folder, LOG));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
