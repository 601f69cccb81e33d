/** Writes to the browser's console. */
export type Tell = (...details: unknown[]) => void;

const at =
  (level: 'debug' | 'warn' | 'error'): Tell =>
  (...details) =>
    // eslint-disable-next-line no-console -- a portal has no other place for messages to its administrators
    console[level]('analytics-internal:', ...details);

export const debug = at('debug');
export const warn = at('warn');
export const error = at('error');
