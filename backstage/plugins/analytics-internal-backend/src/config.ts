import { Config } from '@backstage/config';
import { InputError } from '@backstage/errors';
import { nearest } from './nearest';

const KEY = 'analyticsInternal';
const MODES = ['managed', 'remote'];
const TEXTS = { timezone: 'timezone', dataDir: 'data_dir' };
/** Who may do what, if the portal's permission framework does not decide. */
const ACCESS_LISTS = { readers: 'readers', peopleReaders: 'people_readers', admins: 'admins' };
const LISTS = { ...ACCESS_LISTS, importTokens: 'import_tokens' };
const DESTINATIONS = 'destinations';
/** Keys that are settings of the service, each with the service's name for it. */
const SETTING_OF: Record<string, string> = { ...TEXTS, ...LISTS, [DESTINATIONS]: DESTINATIONS };
const MANAGED_ONLY = ['command', ...Object.keys(SETTING_OF), 'settings'];
// The last one belongs to the frontend plugin.
const KEYS = ['mode', 'baseUrl', ...MANAGED_ONLY, 'formatDateToShort'];
/** Settings that the bridge takes from other places in app-config. */
const DERIVED_FROM: Record<string, string> = {
  portal_url: 'app.baseUrl',
  backend_url: 'backend.baseUrl',
  internal_backend_url: 'discovery.endpoints',
  permissions: 'permission.enabled',
  database_url: 'backend.database',
  data_dir: 'analyticsInternal.dataDir',
};
/** Settings that the bridge needs to have its own values. */
const DECIDED_BY_THE_BRIDGE = ['host', 'port', 'auth', 'stop_with_stdin', 'log_format', 'portal_tokens_file'];

/** What app-config says about a service that the bridge starts. */
export interface ManagedConfig {
  mode: 'managed';
  /** Path of the program, or its name on PATH. */
  command: string;
  /** The service's settings from app-config, by the service's names. */
  settings: Settings;
  /** One sentence for each key that has no effect. */
  warnings: string[];
}

/** What app-config says about a service that runs elsewhere. */
export interface RemoteConfig {
  mode: 'remote';
  /** Its address, without a slash at the end. */
  baseUrl: string;
  /** One sentence for each key that has no effect. */
  warnings: string[];
}

/** The service's settings by name: see `docs/reference/settings.md`. */
export type Settings = Record<string, SettingValue | undefined>;

type SettingValue = string | number | boolean | string[] | Destination[];

/** A destination as app-config has it, with the options of its type. */
type Destination = Record<string, unknown>;

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
    const warning = `${idle.join(', ')}: without effect in mode remote, where the service has its own settings`;
    return {
      mode,
      baseUrl: readBaseUrl(config?.getOptionalString('baseUrl')),
      warnings: [...unknownKeys(config), ...(idle.length > 0 ? [warning] : [])],
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

/** A warning for each key that does not exist, with the key that may be meant. */
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

/** A warning for each access list that has no effect because the portal's permission policy decides. */
function idleLists(root: Config, settings: Settings): string[] {
  const decides =
    settings.permissions ?? (root.getOptionalBoolean('permission.enabled') ? 'framework' : 'lists');
  return Object.values(ACCESS_LISTS)
    .filter((setting) => decides === 'framework' && settings[setting] !== undefined)
    .map(
      (setting) =>
        `${keyOf(root, setting)}: without effect for signed-in people, because permission.enabled is true: the ` +
        'portal’s permission policy decides what they may read. The list counts only when another plugin asks on ' +
        'behalf of a person',
    );
}

/** The key in app-config that a setting comes from. */
function keyOf(root: Config, setting: string): string {
  const own = Object.keys(SETTING_OF).find((key) => SETTING_OF[key] === setting);
  const keys = [own && `${KEY}.${own}`, `${KEY}.settings.${setting}`];
  return keys.find((key) => key && root.has(key)) ?? DERIVED_FROM[setting] ?? setting;
}

/**
 * A function that rewrites the service's messages about its settings: it puts the keys of app-config in the place of
 * the environment variables, which nobody has written.
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

/** The settings that have a value. */
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
  const settings: Settings = Object.fromEntries([
    ...Object.entries(TEXTS).map(([key, name]) => [name, config.getOptionalString(key)]),
    ...Object.entries(LISTS).map(([key, name]) => [name, config.getOptionalStringArray(key)]),
    [DESTINATIONS, readDestinations(config)],
  ]);
  for (const [name, value] of Object.entries(others ?? {})) {
    const key = `${KEY}.settings.${name}`;
    if (DECIDED_BY_THE_BRIDGE.includes(name)) {
      throw new InputError(`${key} cannot be set: the bridge decides it`);
    }
    if (settings[name] !== undefined) {
      throw new InputError(`${key} is set a second time: ${KEY} has a key of its own for it`);
    }
    if (name === DESTINATIONS) {
      throw new InputError(`${key} cannot be set: ${KEY}.${DESTINATIONS} is the key for it`);
    }
    if (!isSettingValue(value)) {
      throw new InputError(`${key} must be a text, a number, true, false or a list of texts`);
    }
    settings[name] = value;
  }
  return settings;
}

/** The destinations as they are written: the service checks them, and knows their types. */
function readDestinations(config: Config): Destination[] | undefined {
  const destinations = config.getOptional<unknown>(DESTINATIONS);
  if (destinations === undefined) {
    return undefined;
  }
  if (!Array.isArray(destinations) || !destinations.every(isDestination)) {
    throw new InputError(
      `${KEY}.${DESTINATIONS} must be a list of destinations, each with at least name and type`,
    );
  }
  return destinations;
}

function isDestination(value: unknown): value is Destination {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSettingValue(value: unknown): value is SettingValue {
  return Array.isArray(value)
    ? value.every((element) => typeof element === 'string')
    : ['string', 'number', 'boolean'].includes(typeof value);
}

function variableOf(name: string): string {
  return `ANALYTICS_INTERNAL_${name.toUpperCase()}`;
}

/** Settings as environment variables. Arguments would show passwords to every user of the machine. */
export function asEnvironment(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(definedOnly(settings)).map(([name, value]) => [
      variableOf(name),
      // JSON can express an empty list. An empty variable counts as not set.
      Array.isArray(value) ? JSON.stringify(value) : String(value),
    ]),
  );
}
