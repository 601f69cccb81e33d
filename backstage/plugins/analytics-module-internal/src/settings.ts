import { type ConfigApi } from '@backstage/core-plugin-api';
import { error } from './tell';

const ROOT = 'app.analytics.internal';

/** What the app's config says under `app.analytics.internal`, checked. config.d.ts documents each. */
export interface Settings {
  enabled: boolean;
  host: string;
  debug: boolean;
  actions: string[];
  batchSize: number;
  /** Seconds. */
  flushInterval: number;
  sampling: number;
  excludePlugins: string[];
  excludePaths: string[];
  metricsPages: boolean;
  environment: string;
  collapse: string[];
}

/** A key's default, how its value is written (each of a list), and that in words. */
type Rule<T> = [fallback?: T, pattern?: RegExp, allowed?: string];

const flag = [/^(true|false)$/, 'true or false'] as const;

const rules: { [K in keyof Settings]: Rule<Settings[K]> } = {
  enabled: [true, ...flag],
  host: ['', /^https?:\/\/\w/, 'an http or https address'],
  debug: [false, ...flag],
  actions: [['*'], /./, 'texts, or true for all and false for none'],
  batchSize: [20, /^[1-9]\d{0,2}$/, '1 to 999'],
  flushInterval: [5, /^(0\.[1-9]\d*|[1-9]\d{0,2}(\.\d+)?)$/, '0.1 to 999 seconds, like 5 or { seconds: 5 }'],
  sampling: [1, /^(0|1|0\.\d+)$/, '0 to 1'],
  excludePlugins: [[], /./, 'texts'],
  excludePaths: [[], /^\//, 'paths like /docs'],
  metricsPages: [false, ...flag],
  environment: ['', /./, 'a text'],
  collapse: [['navigate', 'signIn', 'search'], /^(navigate|signIn|search)$/, 'navigate, signIn, search'],
};

/** The seconds of one of Backstage's durations; another value as it is. */
function secondsOf(value: any): unknown {
  const { minutes = 0, seconds = 0, milliseconds = 0 } = value ?? {};
  return minutes * 60 + seconds + milliseconds / 1_000 || value;
}

/** What else a key may say, in the way that is kept of it; undefined for what is as it is kept. */
const asWritten: Record<string, (value: unknown) => unknown> = {
  flushInterval: secondsOf,
  // The original's schema has true or false here.
  actions: (value) => ({ true: ['*'], false: [] })[String(value)],
};

/**
 * The settings in `config`. A value that is not allowed, and a key that does not exist, are named on the console with
 * what is allowed, and the default is used: the portal works on in any case.
 */
export function readSettings(config: ConfigApi): Settings {
  let given: Record<string, unknown> = {};
  try {
    given = config.getOptionalConfig(ROOT)?.get() ?? given;
  } catch (invalid) {
    error(invalid, 'using the defaults');
  }
  const entries = Object.keys({ ...rules, ...given }).map((key) => [key, checked(key, given[key])]);
  return Object.fromEntries(entries);
}

function checked(key: string, given: unknown): unknown {
  const rule: Rule<unknown> = rules[key as keyof Settings] ?? [];
  const [fallback, pattern = /$^/, allowed = `the keys ${Object.keys(rules)}`] = rule;
  const isList = Array.isArray(fallback);
  // What is not set in the environment arrives as null, and what is set as a text.
  const value = asWritten[key]?.(given) ?? given ?? fallback;
  const parts = isList ? value : [value];
  const isAllowed = (part: unknown) => typeof part !== 'object' && pattern.test(String(part));
  if (value === fallback || (Array.isArray(parts) && parts.every(isAllowed))) {
    return isList || fallback === '' ? value : JSON.parse(String(value));
  }
  const words = isList ? `a list of ${allowed}` : allowed;
  error(`${ROOT}.${key} is ${JSON.stringify(given)}; allowed: ${words}; using the default`);
  return fallback;
}
