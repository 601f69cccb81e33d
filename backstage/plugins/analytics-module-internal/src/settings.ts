import { type ConfigApi } from '@backstage/core-plugin-api';
import { error } from './tell';

const ROOT = 'app.analytics.internal';

/** The checked settings of `app.analytics.internal`. config.d.ts documents each. */
export interface Settings {
  enabled: boolean;
  host: string;
  debug: boolean;
  actions: string[];
  batchSize: number;
  /** Seconds. */
  flushInterval: number;
  sampling: number;
  engagement: boolean;
  excludePlugins: string[];
  excludePaths: string[];
  metricsPages: boolean;
  environment: string;
  collapse: string[];
}

/** A key's default, the pattern of its value (of each element of a list), and that pattern in words. */
type Rule<T> = [fallback?: T, pattern?: RegExp, allowed?: string];

/** The rules for what counts once. */
const COLLAPSED = ['navigate', 'redirect', 'signIn', 'search'];

const flag = [/^(true|false)$/, 'true or false'] as const;

const rules: { [K in keyof Settings]: Rule<Settings[K]> } = {
  enabled: [true, ...flag],
  host: ['', /^https?:\/\/\w/, 'an http or https address'],
  debug: [false, ...flag],
  actions: [['*'], /./, 'texts, or true for all and false for none'],
  batchSize: [20, /^[1-9]\d{0,2}$/, '1 to 999'],
  flushInterval: [5, /^(0\.[1-9]\d*|[1-9]\d{0,2}(\.\d+)?)$/, '0.1 to 999 seconds, like 5 or { seconds: 5 }'],
  engagement: [true, ...flag],
  sampling: [1, /^(0|1|0\.\d+)$/, '0 to 1'],
  excludePlugins: [[], /./, 'texts'],
  excludePaths: [[], /^\//, 'paths like /docs'],
  metricsPages: [false, ...flag],
  environment: ['', /./, 'a text'],
  collapse: [COLLAPSED, RegExp(`^(${COLLAPSED.join('|')})$`), COLLAPSED.join(', ')],
};

/** The seconds of a Backstage duration. Returns any other value unchanged. */
function secondsOf(value: any): unknown {
  const { minutes = 0, seconds = 0, milliseconds = 0 } = value ?? {};
  return minutes * 60 + seconds + milliseconds / 1_000 || value;
}

/** Other notations that a key allows, converted. Undefined if there is nothing to convert. */
const asWritten: Record<string, (value: unknown) => unknown> = {
  flushInterval: secondsOf,
  // The original's schema has true or false here.
  actions: (value) => ({ true: ['*'], false: [] })[String(value)],
};

/**
 * The settings in `config`. A value that is not allowed or a key that does not exist is reported on the console, with
 * what is allowed. The default is used then, so that the portal works in any case.
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
  // Values from the environment arrive as texts, unset ones as null.
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
