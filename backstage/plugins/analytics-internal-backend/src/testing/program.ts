import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a program does that behaves like the service, but for one thing. */
export const SERVING = `
  const server = require('node:http').createServer((_, answer) => answer.end());
  server.listen(0, '127.0.0.1', () => console.log('analytics-internal: http://127.0.0.1:' + server.address().port + '/'));
  process.stdin.resume().on('end', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(0));
`;

/**
 * A program in the place of the service, for what the real one cannot be brought to do.
 *
 * Each run writes down when it began, with which process, and how it was called.
 */
export class Program {
  readonly path: string;
  readonly #runs: string;

  constructor(folder: string, script: string) {
    this.path = join(folder, 'analytics-internal');
    this.#runs = join(folder, 'runs');
    const noting = `require('node:fs').appendFileSync(${JSON.stringify(this.#runs)},
      JSON.stringify({ at: Date.now(), pid: process.pid, arguments: process.argv.slice(2) }) + '\\n');`;
    writeFileSync(this.path, `#!${process.execPath}\n${noting}\n${script}\n`);
    chmodSync(this.path, 0o755);
  }

  get runs(): { at: number; pid: number; arguments: string[] }[] {
    const written = existsSync(this.#runs) ? readFileSync(this.#runs, 'utf8') : '';
    return written
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }
}
