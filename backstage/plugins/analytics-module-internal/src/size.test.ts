/** @jest-environment node */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

it('each entry adds at most 5 kB to a portal, compressed', () => {
  const printed = execFileSync('node', [join(__dirname, '../scripts/size.mjs')], { encoding: 'utf8' });
  expect(printed).toMatch(/^index: \d+ bytes minified, \d+ gzipped of 5000 allowed\nlegacy: /);
});
