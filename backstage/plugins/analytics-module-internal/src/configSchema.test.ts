/** @jest-environment node */
import { ConfigReader } from '@backstage/config';
import { type ConfigSchema, loadConfigSchema } from '@backstage/config-loader';
import { type JsonObject } from '@backstage/types';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from './settings';

// Backstage merges the schemas and reads our config.d.ts with TypeScript, which takes long.
jest.setTimeout(180_000);

const ours = join(__dirname, '../package.json');
const visible = (type: string) => ({ type, visibility: 'frontend' });
/** The original module's JSON schema of `app.analytics.internal`. */
const ofTheOriginal = {
  type: 'object',
  properties: {
    app: {
      type: 'object',
      properties: {
        analytics: {
          type: 'object',
          properties: {
            internal: {
              type: 'object',
              properties: { host: visible('string'), debug: visible('boolean'), actions: visible('boolean') },
            },
          },
          required: ['internal'],
        },
      },
      required: ['analytics'],
    },
  },
  required: ['app'],
};
let folder: string;
let alone: ConfigSchema;
let together: ConfigSchema;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'schema-'));
  const theirs = join(folder, 'package.json');
  writeFileSync(theirs, JSON.stringify({ name: 'theirs', version: '1.0.0', configSchema: ofTheOriginal }));
  const load = (packagePaths: string[]) =>
    loadConfigSchema({ dependencies: [], packagePaths, excludePackageDependencies: true });
  [alone, together] = await Promise.all([load([ours]), load([ours, theirs])]);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What the module reads from app-config in the browser, and what it writes to the console. */
function inTheBrowser(schema: ConfigSchema, internal: JsonObject) {
  const error = jest.spyOn(console, 'error').mockImplementation();
  const data = { app: { analytics: { internal } } };
  const configs = schema.process([{ context: 'app-config.yaml', data }], {
    visibility: ['frontend'],
    withDeprecatedKeys: true,
  });
  const settings = readSettings(ConfigReader.fromConfigs(configs));
  const complaints = error.mock.calls.map((call) => call.join(' '));
  error.mockRestore();
  return { settings, complaints };
}

it('the original’s module and ours can be in one workspace', () => {
  const { settings, complaints } = inTheBrowser(together, {
    host: 'https://collector.example',
    debug: true,
    actions: true,
    batchSize: 7,
  });
  expect(settings).toMatchObject({
    host: 'https://collector.example',
    debug: true,
    actions: ['*'],
    batchSize: 7,
  });
  expect(complaints).toEqual([]);
});

it.each([
  [true, ['*']],
  [false, []],
  [[], []],
  [['*'], ['*']],
  [
    ['navigate', 'search'],
    ['navigate', 'search'],
  ],
])('actions: %j reach the browser as %j', (actions, expected) => {
  const { settings, complaints } = inTheBrowser(alone, { actions });
  expect(settings.actions).toEqual(expected);
  expect(complaints).toEqual([]);
});

it('actions of another kind are named with what is allowed', () => {
  const { settings, complaints } = inTheBrowser(alone, { actions: 'navigate' });
  expect(settings.actions).toEqual(['*']);
  expect(complaints).toEqual([
    expect.stringMatching(
      /app\.analytics\.internal\.actions is "navigate"; allowed: a list of texts, or true/,
    ),
  ]);
});

it('every key that is documented reaches the browser', () => {
  const given = {
    enabled: false,
    host: 'https://collector.example',
    debug: true,
    actions: ['navigate'],
    batchSize: 50,
    flushInterval: 2.5,
    engagement: false,
    sampling: 0.25,
    excludePlugins: ['home'],
    excludePaths: ['/docs'],
    metricsPages: true,
    environment: 'production',
    collapse: ['search'],
  };
  expect(inTheBrowser(alone, given)).toEqual({ settings: given, complaints: [] });
});

it('a misspelt key reaches the browser, where it is named', () => {
  const { complaints } = inTheBrowser(alone, { batchsize: 7 });
  expect(complaints).toEqual([
    expect.stringMatching(/app\.analytics\.internal\.batchsize is 7; allowed: the keys/),
  ]);
});
