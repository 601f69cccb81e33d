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
// The backend's logger says these itself: who speaks, when and how loud. A field of such a name keeps its value.
const NAMES_OF_THE_BACKEND = ['level', 'message', 'timestamp', 'plugin', 'service', 'type', 'stack', 'splat'];

/**
 * Call back with each line of a stream, the last one also when it has no end.
 *
 * @returns when the stream has ended, or broken.
 */
export async function eachLine(stream: Readable, take: (line: string) => void): Promise<void> {
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
      if (line.trim() !== '') {
        take(line);
      }
    }
  } catch {
    // A pipe that breaks is at its end: whoever wrote into it is no more.
  }
}

/**
 * Log a line of the service as the backend's own: its JSON with level, message and fields.
 *
 * @returns whether it was JSON. Other lines are what the service says before it has a log or after it has lost its
 * composure; they are left to the caller.
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
