import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Files that only this user can read, in a temporary folder of their own. */
export class PrivateFiles {
  #folder?: string;

  /**
   * Write a file, or replace it atomically.
   *
   * @returns its path.
   */
  write(name: string, content: string): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'analytics-internal-'));
    const path = join(this.#folder, name);
    writeFileSync(`${path}.new`, content, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return path;
  }

  remove() {
    if (this.#folder !== undefined) {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }
}
