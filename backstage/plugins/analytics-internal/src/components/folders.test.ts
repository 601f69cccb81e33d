import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');
const folders = [...readme.matchAll(/^\| `src\/components\/(\w+)`/gm)].map(([, name]) => name!);
const isSource = (name: string) => /\.tsx?$/.test(name) && !name.includes('.test.');

it('says in the README what each folder is for', () => {
  const found = readdirSync(__dirname, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect([...folders].sort()).toEqual(
    found
      .map(({ name }) => name)
      .filter((name) => name !== '__testUtils__')
      .sort(),
  );
});

it.each(folders)('imports into %s only from folders below it in the README', (folder) => {
  const sources = readdirSync(join(__dirname, folder)).filter(isSource);
  const texts = sources.map((name) => readFileSync(join(__dirname, folder, name), 'utf8'));
  const imported = texts.flatMap((text) => [...text.matchAll(/'\.\.\/(\w+)\//g)].map(([, name]) => name!));
  const below = folders.slice(folders.indexOf(folder) + 1);
  expect(imported.filter((name) => !below.includes(name))).toEqual([]);
});
