import { Config } from '@backstage/config';
import { InputError } from '@backstage/errors';
import { nearest } from './nearest';

const KEY = 'analyticsInternal';
const MODES = ['managed', 'remote'];
/** Keys that are settings of the service, and how it calls them. */
const SETTING_OF = {
  timezone: 'timezone',
  dataDir: 'data_dir',
  readers: 'readers',
  peopleReaders: 'people_readers',
  admins: 'admins',
  importTokens: 'import_tokens',
};
const MANAGED_ONLY = ['command', ...Object.keys(SETTING_OF), 'settings'];
// The last one is of the pages.
const KEYS = ['mode', 'baseUrl', ...MANAGED_ONLY, 'formatDateToShort'];
/** What the bridge tells the service of itself, by where app-config has it. */
const DERIVED_FROM: Record<string, string> = {
  portal_url: 'app.baseUrl',
  backend_url: 'backend.baseUrl',
  internal_backend_url: 'discovery.endpoints',
  permissions: 'permission.enabled',
  database_url: 'backend.database',
  data_dir: 'analyticsInternal.dataDir',
};
/** Who may do what where the portal's permission framework does not decide. */
const LISTS = ['readers', 'peopleReaders', 'admins'] as const;

/** What app-config says about a service that the bridge starts. */
export interface ManagedConfig {
  mode: 'managed';
  /** Path of the program, or its name on PATH. */
  command: string;
  /** The service's settings that app-config gives, by the service's own names. */
  settings: Settings;
  /** What is said of keys that do nothing: who wrote them may believe that they do something. */
  warnings: string[];
}

/** What app-config says about a service that runs elsewhere. */
export interface RemoteConfig {
  mode: 'remote';
  /** Where it is, without a slash at the end. */
  baseUrl: string;
  /** What is said of keys that do nothing: who wrote them may believe that they do something. */
  warnings: string[];
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
    return {
      mode,
      baseUrl: readBaseUrl(config?.getOptionalString('baseUrl')),
      warnings: [
        ...unknownKeys(config),
        ...(idle.length > 0
          ? [`${idle.join(', ')}: without effect in mode remote, where the service has settings of its own`]
          : []),
      ],
    };
  }
  if (mode !== 'managed') {
    throw new InputError(`${KEY}.mode must be ${MODES.join(' or ')}, not '${mode}'`);
  }
  if (config?.has('baseUrl')) {
    throw new InputError(
      `${KEY}.baseUrl is for ${KEY}.mode: remote; in mode managed the bridge knows the address`,
    );
  }
  const settings = config === undefined ? {} : readSettings(config);
  return {
    mode,
    command: config?.getOptionalString('command') ?? 'analytics-internal',
    settings,
    warnings: [...unknownKeys(config), ...idleLists(root, settings)],
  };
}

/** Keys that do not exist, each with the one that may be meant. */
function unknownKeys(config: Config | undefined): string[] {
  return (config?.keys() ?? [])
    .filter((key) => !KEYS.includes(key))
    .map((key) => {
      const meant = nearest(key, KEYS);
      const instead =
        meant === undefined
          ? `the keys are ${KEYS.join(', ')}; other settings of the service are below ${KEY}.settings`
          : `did you mean ${KEY}.${meant}?`;
      return `${KEY}.${key}: without effect, there is no such key; ${instead}`;
    });
}

/** Lists of readers that nobody looks into: the portal's permission policy decides. */
function idleLists(root: Config, settings: Settings): string[] {
  const decides =
    settings.permissions ?? (root.getOptionalBoolean('permission.enabled') ? 'framework' : 'lists');
  return decides !== 'framework'
    ? []
    : LISTS.filter((key) => settings[SETTING_OF[key]] !== undefined).map(
        (key) =>
          `${keyOf(root, SETTING_OF[key])}: without effect on people who are signed in, as permission.enabled is true: ` +
          'the portal’s permission policy decides what they may read. It counts only where another plugin asks on ' +
          'behalf of a person',
      );
}

/** How app-config calls a setting that the bridge gives the service. */
function keyOf(root: Config, setting: string): string {
  const own = Object.entries(SETTING_OF).find(([, name]) => name === setting)?.[0];
  const keys = [own && `${KEY}.${own}`, `${KEY}.settings.${setting}`];
  return keys.find((key) => key !== undefined && root.has(key)) ?? DERIVED_FROM[setting] ?? setting;
}

/**
 * What the service says of its settings, in the words of app-config: it knows them by variables of its environment,
 * which nobody has written.
 */
export function inWordsOfAppConfig(root: Config, settings: Settings): (line: string) => string {
  const keys = new Map(
    Object.keys(definedOnly(settings)).map((name) => [variableOf(name), keyOf(root, name)]),
  );
  return (line) =>
    line
      .replace(
        /^((?:analytics-internal: )?)\w+: (.*) \(environment (\w+)\)/s,
        (whole, before, given, variable) =>
          keys.has(variable) ? `${before}${keys.get(variable)}: ${given}` : whole,
      )
      .replace(
        /\b(ANALYTICS_INTERNAL_\w+)(: unknown setting \(environment\))?/g,
        (whole, variable, isUnknown) => {
          const key = keys.get(variable);
          return key === undefined ? whole : `${key}${isUnknown ? ': unknown setting' : ''}`;
        },
      );
}

/** The settings that are given. */
export function definedOnly(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
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
    [SETTING_OF.timezone]: config.getOptionalString('timezone'),
    [SETTING_OF.dataDir]: config.getOptionalString('dataDir'),
    [SETTING_OF.readers]: config.getOptionalStringArray('readers'),
    [SETTING_OF.peopleReaders]: config.getOptionalStringArray('peopleReaders'),
    [SETTING_OF.admins]: config.getOptionalStringArray('admins'),
    [SETTING_OF.importTokens]: config.getOptionalStringArray('importTokens'),
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

/** The variable of the environment that gives the service a setting. */
export function variableOf(name: string): string {
  return `ANALYTICS_INTERNAL_${name.toUpperCase()}`;
}

/**
 * Settings as variables of the environment. Not on the command line: everybody on the machine can read that, and
 * passwords are among them.
 */
export function asEnvironment(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(definedOnly(settings)).map(([name, value]) => [
      variableOf(name),
      // JSON has an empty list; an empty variable counts as not set.
      Array.isArray(value) ? JSON.stringify(value) : String(value),
    ]),
  );
}
