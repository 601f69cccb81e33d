import { Config } from '@backstage/config';
import { InputError } from '@backstage/errors';

const KEY = 'analyticsInternal';
const MODES = ['managed', 'remote'];
const MANAGED_ONLY = [
  'command',
  'timezone',
  'dataDir',
  'readers',
  'peopleReaders',
  'admins',
  'importTokens',
  'settings',
];

/** What app-config says about a service that the bridge starts. */
export interface ManagedConfig {
  mode: 'managed';
  /** Path of the program, or its name on PATH. */
  command: string;
  /** The service's settings that app-config gives, by the service's own names. */
  settings: Settings;
}

/** What app-config says about a service that runs elsewhere. */
export interface RemoteConfig {
  mode: 'remote';
  /** Where it is, without a slash at the end. */
  baseUrl: string;
  /** Keys for the mode managed that are there as well: who wrote them may believe that they do something. */
  idle: string[];
}

/** Settings of the service by name, as `docs/reference/settings.md` has them. */
export type Settings = Record<string, SettingValue | undefined>;

type SettingValue = string | number | boolean | string[];

// What the bridge could not do its work without.
const DECIDED_BY_THE_BRIDGE = ['host', 'port', 'auth', 'stop_with_stdin', 'log_format'];

/**
 * Read `analyticsInternal`.
 *
 * @throws InputError naming the key, what is wrong with it and what is allowed.
 */
export function readBridgeConfig(root: Config): ManagedConfig | RemoteConfig {
  const config = root.getOptionalConfig(KEY);
  const mode = config?.getOptionalString('mode') ?? 'managed';
  if (mode === 'remote') {
    const idle = MANAGED_ONLY.filter((key) => config?.has(key)).map((key) => `${KEY}.${key}`);
    return { mode, baseUrl: readBaseUrl(config?.getOptionalString('baseUrl')), idle };
  }
  if (mode !== 'managed') {
    throw new InputError(`${KEY}.mode must be ${MODES.join(' or ')}, not '${mode}'`);
  }
  if (config?.has('baseUrl')) {
    throw new InputError(
      `${KEY}.baseUrl is for ${KEY}.mode: remote; in mode managed the bridge knows the address`,
    );
  }
  return {
    mode,
    command: config?.getOptionalString('command') ?? 'analytics-internal',
    settings: config === undefined ? {} : readSettings(config),
  };
}

function readBaseUrl(text: string | undefined): string {
  const required = `${KEY}.baseUrl must be the service's address, like https://analytics.example.com`;
  if (text === undefined) {
    throw new InputError(`${required}; ${KEY}.mode: remote needs it`);
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new InputError(`${required}, not '${text}'`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new InputError(`${required}: without a user, a query or a fragment`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function readSettings(config: Config): Settings {
  const others = config.getOptional<unknown>('settings') ?? {};
  if (typeof others !== 'object' || Array.isArray(others)) {
    throw new InputError(`${KEY}.settings must be settings of the service by name`);
  }
  const settings: Settings = {
    timezone: config.getOptionalString('timezone'),
    data_dir: config.getOptionalString('dataDir'),
    readers: config.getOptionalStringArray('readers'),
    people_readers: config.getOptionalStringArray('peopleReaders'),
    admins: config.getOptionalStringArray('admins'),
    import_tokens: config.getOptionalStringArray('importTokens'),
  };
  for (const [name, value] of Object.entries(others ?? {})) {
    if (DECIDED_BY_THE_BRIDGE.includes(name)) {
      throw new InputError(`${KEY}.settings.${name} cannot be set: the bridge decides it`);
    }
    if (settings[name] !== undefined) {
      throw new InputError(
        `${KEY}.settings.${name} is set a second time: ${KEY} has a key of its own for it`,
      );
    }
    if (!isSettingValue(value)) {
      throw new InputError(
        `${KEY}.settings.${name} must be a text, a number, true, false or a list of texts`,
      );
    }
    settings[name] = value;
  }
  return settings;
}

function isSettingValue(value: unknown): value is SettingValue {
  return Array.isArray(value)
    ? value.every((element) => typeof element === 'string')
    : ['string', 'number', 'boolean'].includes(typeof value);
}

/**
 * Settings as variables of the environment. Not on the command line: everybody on the machine can read that, and
 * passwords are among them.
 */
export function asEnvironment(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        `ANALYTICS_INTERNAL_${name.toUpperCase()}`,
        // JSON has an empty list; an empty variable counts as not set.
        Array.isArray(value) ? JSON.stringify(value) : String(value),
      ]),
  );
}
