import { ConfigReader } from '@backstage/config';
import { mockServices } from '@backstage/backend-test-utils';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { portalFolder } from './dataFolder';

let folder: string;
const logger = mockServices.logger.mock();

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'data-folder-')));
  jest.clearAllMocks();
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Make a workspace like that of `create-app`. Returns the folder in which its backend runs. */
function portal(name: string): string {
  const backend = join(folder, name, 'packages', 'backend');
  mkdirSync(backend, { recursive: true });
  writeFileSync(join(folder, name, 'package.json'), '{"workspaces": ["packages/*"]}');
  writeFileSync(join(backend, 'package.json'), '{}');
  return backend;
}

function folderOf(
  backend: string,
  baseUrl = 'http://localhost:7007',
  environment: NodeJS.ProcessEnv = {},
): string | undefined {
  const config = new ConfigReader({ backend: { baseUrl } });
  const surroundings = {
    environment: { XDG_DATA_HOME: join(folder, 'share'), ...environment },
    folder: backend,
  };
  return portalFolder(config, logger, surroundings);
}

const warnings = () => logger.warn.mock.calls.map(([message]) => message);

it('two portals of one user have a folder each, below the user’s folder for data', () => {
  const one = folderOf(portal('one'))!;
  const other = folderOf(portal('other'))!;

  expect(one).toMatch(new RegExp(`^${folder}/share/analytics-internal/portals/one-\\w{8}-\\w{8}$`));
  expect(other).toMatch(/\/portals\/other-/);
  expect(warnings()).toEqual([]);
});

it('two portals of one name in different places have a folder each', () => {
  expect(folderOf(portal('here/portal'))).not.toBe(folderOf(portal('there/portal')));
});

it('two portals of one workspace with different addresses have a folder each', () => {
  const backend = portal('one');

  expect(folderOf(backend, 'http://localhost:7008')).not.toBe(folderOf(backend));
});

it('one portal has one folder, from wherever in it and by whatever name it is started', () => {
  const backend = portal('one');
  symlinkSync(join(folder, 'one'), join(folder, 'link'));

  const places = [backend, join(folder, 'one'), join(folder, 'link', 'packages', 'backend')];

  expect(new Set(places.map((place) => folderOf(place))).size).toBe(1);
});

it('a backend outside of any workspace has a folder by where it runs', () => {
  const place = join(folder, 'alone');
  mkdirSync(place);

  expect(folderOf(place)).toMatch(/\/portals\/alone-/);
});

it('what was kept in the folder of all portals is named, until this one’s is there', () => {
  const shared = join(folder, 'share', 'analytics-internal');
  mkdirSync(join(shared, 'postgres'), { recursive: true });

  const own = folderOf(portal('one'))!;
  mkdirSync(own, { recursive: true });
  folderOf(portal('one'));

  expect(warnings()).toEqual([
    `${shared} has data of an earlier analytics-internal. This portal now keeps its data in ${own}; to use the ` +
      `earlier data, set analyticsInternal.dataDir: ${shared}`,
  ]);
});

it('what the portal kept under another address is named', () => {
  const backend = portal('one');
  const before = folderOf(backend)!;
  mkdirSync(join(before, 'postgres'), { recursive: true });

  folderOf(backend, 'https://portal.example');

  expect(warnings()).toEqual([expect.stringContaining(`set analyticsInternal.dataDir: ${before}`)]);
});

it('a reader’s file alone, which can be made again, is not worth a word', () => {
  const shared = join(folder, 'share', 'analytics-internal');
  mkdirSync(shared, { recursive: true });
  writeFileSync(join(shared, 'reader.duckdb'), '');

  folderOf(portal('one'));

  expect(warnings()).toEqual([]);
});

it.each(['analytics-internal.toml', 'analytics-internal.yaml'])(
  'where the service has been told by %s it decides itself',
  (name) => {
    const backend = portal('one');

    writeFileSync(join(backend, name), name.endsWith('toml') ? 'data_dir = "/data"' : 'data_dir: /data');

    expect(folderOf(backend)).toBeUndefined();
  },
);

it('where the service has been told by the environment it decides itself', () => {
  expect(folderOf(portal('one'), undefined, { ANALYTICS_INTERNAL_DATA_DIR: '/data' })).toBeUndefined();
});
