import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The script of a program that behaves like the service. Tests append what shall differ. */
export const SERVING = `
  const server = require('node:http').createServer((_, answer) => answer.end());
  server.listen(0, '127.0.0.1', () => console.log('analytics-internal: http://127.0.0.1:' + server.address().port + '/'));
  process.stdin.resume().on('end', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(0));
`;

/**
 * A substitute for the service, to show behaviour that the real one cannot be made to show.
 *
 * Each run records its start time, process id and arguments.
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
