import { LoggerService } from '@backstage/backend-plugin-api';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

type Fields = Exclude<Parameters<LoggerService['info']>[1], Error | undefined>;
type Level = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: Record<string, Level> = {
  debug: 'debug',
  info: 'info',
  warning: 'warn',
  error: 'error',
  critical: 'error',
};
// The backend's logger sets these fields itself. Fields of the service with such a name are renamed.
const NAMES_OF_THE_BACKEND = ['level', 'message', 'timestamp', 'plugin', 'service', 'type', 'stack', 'splat'];

/**
 * Call `take` with each line of a stream that is not blank, also with a last line that has no line break.
 *
 * @returns when the stream has ended, or failed.
 */
export async function eachLine(stream: Readable, take: (line: string) => void): Promise<void> {
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
      if (line.trim() !== '') {
        take(line);
      }
    }
  } catch {
    // A broken pipe has ended: its writer is gone.
  }
}

/**
 * Log a JSON line of the service as the backend's own, with its level, message and fields.
 *
 * @returns whether it was a log line. Other lines, like a traceback, are left to the caller.
 */
export function logLine(logger: LoggerService, line: string): boolean {
  const entry = parse(line);
  if (entry === undefined) {
    return false;
  }
  const { event, level, timestamp: _at, ...fields } = entry;
  logger[LEVELS[String(level)] ?? 'info'](String(event), renamed(fields));
  return true;
}

function parse(line: string): Fields | undefined {
  try {
    const entry: Fields | null = JSON.parse(line);
    return entry?.event === undefined ? undefined : entry;
  } catch {
    return undefined;
  }
}

function renamed(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      NAMES_OF_THE_BACKEND.includes(name) ? `service_${name}` : name,
      value,
    ]),
  );
}
