import { readFileSync, statSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { Connection, databaseUrl, KnexConfig } from './databaseUrl';
import { PrivateFiles } from './privateFiles';

const files = new PrivateFiles();

afterAll(() => files.remove());

function urlOf(connection: Connection, more: Partial<KnexConfig> = {}): string {
  return databaseUrl({ connection, ...more }, connection, files);
}

/** The parameters of a URL, read like the service's driver reads them. */
function parametersOf(url: string): Record<string, string> {
  return Object.fromEntries(new URL(url.replace(/^postgresql:/, 'http:')).searchParams);
}

describe('the URL of a database', () => {
  afterEach(() => {
    delete process.env.PGSSLMODE;
    delete process.env.PGHOST;
  });

  it('quotes what a user, a password and a database may have in their names', () => {
    const url = urlOf({
      host: 'db',
      port: 5433,
      user: 'ana@corp',
      password: 'p@ss:w/rd %20?#+&"',
      database: 'a b/c',
    });

    expect(url).toBe(
      'postgresql://ana%40corp:p%40ss%3Aw%2Frd%20%2520%3F%23%2B%26%22@db:5433/a%20b%2Fc?sslmode=disable',
    );
  });

  it.each([
    [{ host: '::1', port: 5432 }, 'postgresql://[::1]:5432?sslmode=disable'],
    [{ host: 'db', user: 'ana', password: null }, 'postgresql://ana@db?sslmode=disable'],
    [{ host: 'db', port: '' }, 'postgresql://db?sslmode=disable'],
    [
      { host: '/var/run/postgresql', port: 5433, user: 'ana', database: 'plugin' },
      'postgresql://ana@/plugin?host=%2Fvar%2Frun%2Fpostgresql&port=5433',
    ],
    [{ user: 'ana' }, 'postgresql://ana@localhost?sslmode=disable'],
  ])('of %j is %s', (connection, url) => {
    expect(urlOf(connection as Connection)).toBe(url);
  });

  it('is on the host of the environment when the configuration names none, as with node-postgres', () => {
    process.env.PGHOST = '/run/postgresql';

    expect(urlOf({ database: 'plugin' })).toBe('postgresql:///plugin?host=%2Frun%2Fpostgresql');
  });

  it('begins every session in the schema and the role', () => {
    const url = urlOf({ host: 'db' }, { searchPath: ['analytics-internal', 'o"dd'], role: 'owner' });

    expect(parametersOf(url)).toEqual({
      search_path: '"analytics-internal","o""dd"',
      role: 'owner',
      sslmode: 'disable',
    });
  });

  it('trusts with `ssl: true` whom Node trusts', () => {
    const { sslmode, sslrootcert } = parametersOf(urlOf({ host: 'db', ssl: true }));

    expect(sslmode).toBe('verify-full');
    expect(readFileSync(sslrootcert!, 'utf8')).toContain(rootCertificates[0]!.trim());
  });

  it('puts authority, certificate and key into files that only this user can read', () => {
    const ssl = { ca: 'the authority', cert: 'the certificate', key: 'the key', passphrase: 'open & shut' };

    const { sslrootcert, sslcert, sslkey, ...rest } = parametersOf(urlOf({ host: 'db', ssl }));

    expect(rest).toEqual({ sslmode: 'verify-full', sslpassword: 'open & shut' });
    expect([sslrootcert, sslcert, sslkey].map((file) => readFileSync(file!, 'utf8'))).toEqual([
      'the authority',
      'the certificate',
      'the key',
    ]);
    expect([sslrootcert, sslcert, sslkey].map((file) => statSync(file!).mode & 0o777)).toEqual([
      0o600, 0o600, 0o600,
    ]);
  });

  it.each([
    [{ rejectUnauthorized: false }, undefined, { sslmode: 'require' }],
    ['no-verify', undefined, { sslmode: 'require' }],
    [false, 'require', { sslmode: 'disable' }],
    [undefined, 'disable', { sslmode: 'disable' }],
    [undefined, 'no-verify', { sslmode: 'require' }],
    [undefined, 'require', { sslmode: 'verify-full', sslrootcert: expect.any(String) }],
    [
      { ca: 'it', checkServerIdentity: () => {} },
      undefined,
      { sslmode: 'verify-ca', sslrootcert: expect.any(String) },
    ],
  ])('of ssl %j and PGSSLMODE %j is as strict as node-postgres', (ssl, mode, parameters) => {
    if (mode !== undefined) {
      process.env.PGSSLMODE = mode;
    }

    expect(parametersOf(urlOf({ host: 'db', ssl }))).toEqual(parameters);
  });

  it('cannot be one of a connection that only this process can make', () => {
    expect(() => urlOf({ host: 'db', stream: () => {} })).toThrow(/cloudsql .* Cloud SQL Auth Proxy/);
  });
});
