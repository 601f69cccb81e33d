import { LoggerService } from '@backstage/backend-plugin-api';
import { Config } from '@backstage/config';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';

const NAME = 'analytics-internal';
/** Where all of a log is, below a folder of data. */
const LOG = 'postgres';
const VARIABLE = 'ANALYTICS_INTERNAL_DATA_DIR';
const FILES = [`${NAME}.toml`, `${NAME}.yaml`];
const KEY = 'analyticsInternal.dataDir';

/** What decides where a portal's data are: the process's environment and the folder that it runs in. */
export interface Surroundings {
  environment: NodeJS.ProcessEnv;
  folder: string;
}

/**
 * The folder of this portal's data, for one that does not say which: below the user's folder for data, by where the
 * portal's sources are and by its address. Another portal of the same user has another one.
 *
 * Undefined where somebody has told the service itself.
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
        `${earlier} has data of an earlier analytics-internal. This portal's are in ${own} now; to go on with the ` +
          `earlier ones, set ${KEY}: ${earlier}`,
      );
    }
  }
  return own;
}

/** Where programs keep data of the user, as the service finds it too. */
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
    return join('/var/lib', NAME); // a user without a name and a home
  }
}

/** Whether the service's own file of settings says where the data are. */
function isInAFile(folder: string): boolean {
  return FILES.map((name) => join(folder, name)).some(
    (file) => existsSync(file) && /^\s*["']?data_dir\b/m.test(readFileSync(file, 'utf8')),
  );
}

/** The folder of the workspace that `folder` is in: from wherever in it a backend is started, it is one portal. */
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
