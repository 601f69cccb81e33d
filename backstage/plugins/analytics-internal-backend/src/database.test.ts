import { DatabaseManager } from '@backstage/backend-defaults/database';
import { mockServices } from '@backstage/backend-test-utils';
import { ConfigReader } from '@backstage/config';
import { readFileSync, statSync } from 'node:fs';
import { pluginDatabase } from './database';

const CONNECTION = { host: 'db', user: 'backstage', password: 'secret' };

/** The plugin's database, made by Backstage's own code. Nothing connects to it. */
async function databaseFor(database: Record<string, any>) {
  const config = new ConfigReader({ backend: { database: { ensureExists: false, ...database } } });
  const services = { logger: mockServices.logger.mock(), lifecycle: mockServices.lifecycle.mock() };
  const service = DatabaseManager.fromConfig(config).forPlugin('analytics-internal', services);
  const found = await pluginDatabase(config, service, services.logger);
  found.close();
  return found;
}

describe('the database that Backstage gives to the plugin', () => {
  it.each([
    ['a database of its own', {}, '/backstage_plugin_analytics-internal?sslmode=disable'],
    ['a database with the prefix', { prefix: 'portal_' }, '/portal_analytics-internal?sslmode=disable'],
    [
      'a schema of the one database',
      { pluginDivisionMode: 'schema', connection: { ...CONNECTION, database: 'portal' } },
      '/portal?search_path=%22analytics-internal%22&sslmode=disable',
    ],
    [
      'a schema with the prefix',
      {
        pluginDivisionMode: 'schema',
        schemaPrefix: 'bs_',
        connection: { ...CONNECTION, database: 'portal' },
      },
      '/portal?search_path=%22bs_analytics-internal%22&sslmode=disable',
    ],
    ['the role', { role: 'owner' }, '/backstage_plugin_analytics-internal?role=owner&sslmode=disable'],
    [
      'its own database and role',
      { plugin: { 'analytics-internal': { connection: { database: 'usage' }, role: 'analyst' } } },
      '/usage?role=analyst&sslmode=disable',
    ],
  ])('is %s', async (_, database, url) => {
    const found = await databaseFor({ client: 'pg', connection: CONNECTION, ...database });

    expect(found.url).toBe(`postgresql://backstage:secret@db${url}`);
  });

  it('is another server when the plugin has a connection of its own', async () => {
    const found = await databaseFor({
      client: 'pg',
      connection: CONNECTION,
      plugin: { 'analytics-internal': { connection: 'postgresql://ana:s%40fe@other:6432/usage' } },
    });

    expect(found.url).toBe('postgresql://ana:s%40fe@other:6432/usage?sslmode=disable');
  });

  it('is PostgreSQL when only the plugin has it', async () => {
    const found = await databaseFor({
      client: 'better-sqlite3',
      connection: ':memory:',
      plugin: { 'analytics-internal': { client: 'pg', connection: CONNECTION } },
    });

    expect(found.url).toBe(
      'postgresql://backstage:secret@db/backstage_plugin_analytics-internal?sslmode=disable',
    );
  });

  it.each([
    [{ client: 'better-sqlite3', connection: ':memory:' }, undefined],
    [{ client: 'better-sqlite3', connection: { directory: '/data' } }, '/data/analytics-internal'],
    [
      {
        client: 'pg',
        connection: CONNECTION,
        plugin: { 'analytics-internal': { client: 'better-sqlite3', connection: { directory: '/own' } } },
      },
      '/own/analytics-internal',
    ],
  ])('is the service’s own with %j, kept in %s', async (database, dataDir) => {
    const found = await databaseFor(database);

    expect([found.url, found.dataDir]).toEqual([undefined, dataDir]);
  });
});

describe('a password that is made anew', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('is in a file that is written again when the password has expired, and not in the URL', async () => {
    const passwords = ['first:one', 'second'];
    let isExpired = false;
    const connection = async () => ({
      ...CONNECTION,
      password: passwords.shift(),
      expirationChecker: () => isExpired,
    });
    const config = new ConfigReader({ backend: { database: { client: 'pg' } } });
    const service = mockServices.database.mock({
      getClient: async () => ({ client: { config: { connection } } }) as any,
    });

    const found = await pluginDatabase(config, service, mockServices.logger.mock());
    const file = decodeURIComponent(/passfile=([^&]+)/.exec(found.url!)![1]!);
    const before = readFileSync(file, 'utf8');
    await jest.advanceTimersByTimeAsync(60_000);
    const meanwhile = readFileSync(file, 'utf8');
    isExpired = true;
    await jest.advanceTimersByTimeAsync(30_000);
    const after = readFileSync(file, 'utf8');
    const mode = statSync(file).mode & 0o777;
    found.close();

    expect(found.url).not.toContain('first');
    expect([before, meanwhile, after]).toEqual([
      '*:*:*:*:first:one\n',
      '*:*:*:*:first:one\n',
      '*:*:*:*:second\n',
    ]);
    expect(mode).toBe(0o600);
    expect(() => statSync(file)).toThrow(/ENOENT/);
  });
});
