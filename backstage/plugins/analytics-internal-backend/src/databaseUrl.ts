import { InputError } from '@backstage/errors';
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { PrivateFiles } from './privateFiles';

/** The options of node-postgres that matter for a connection of another program. */
export interface Connection {
  host?: string;
  port?: number | string;
  user?: string;
  password?: unknown;
  passfile?: string;
  database?: string;
  ssl?: unknown;
  options?: unknown;
  connectionString?: string;
  stream?: unknown;
}

/** The part of Backstage's Knex configuration that leads to the plugin's tables. */
export interface KnexConfig {
  connection: Connection | string | (() => Promise<Connection>);
  searchPath?: string | string[];
  role?: string;
}

interface Tls {
  ca?: string | string[];
  cert?: string;
  key?: string;
  passphrase?: string;
  rejectUnauthorized?: boolean;
  checkServerIdentity?: unknown;
}

/**
 * The service's `database_url` for the database that Backstage made for the plugin.
 *
 * Certificates and keys are written to files, because the service's driver reads them only from files.
 *
 * @throws InputError when only this process can open the connection.
 */
export function databaseUrl(
  knexConfig: KnexConfig,
  connection: Connection | string,
  files: PrivateFiles,
): string {
  if (typeof connection === 'string' || connection.connectionString !== undefined) {
    // All known versions of Backstage parse a connection string before Knex sees it.
    throw new InputError('backend.database.connection must be an object with host, user and so on');
  }
  if (connection.stream !== undefined) {
    throw new InputError(
      'backend.database.connection.type: cloudsql opens its connections inside this process, so the service of ' +
        'analytics-internal cannot use it. Run the Cloud SQL Auth Proxy and name it in ' +
        'backend.database.plugin.analytics-internal.connection, or set analyticsInternal.settings.database_url',
    );
  }
  // The same defaults as node-postgres.
  const host = connection.host || process.env.PGHOST || 'localhost';
  const parameters = {
    ...sessionSettings(knexConfig, connection),
    ...(isSocket(host) ? { host, port: connection.port } : transport(connection, files)),
    passfile: connection.passfile,
  };
  const query = Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join('&');
  const port = connection.port ? `:${connection.port}` : '';
  const place = isSocket(host) ? '' : `${bracketed(host)}${port}`;
  return `postgresql://${user(connection)}${place}${path(connection)}${query && `?${query}`}`;
}

function user({ user: name = '', password }: Connection): string {
  const secret = password ? `:${encodeURIComponent(String(password))}` : '';
  return name || secret ? `${encodeURIComponent(name)}${secret}@` : '';
}

function path({ database }: Connection): string {
  return database ? `/${encodeURIComponent(database)}` : '';
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** Whether the host is the folder of a Unix socket. */
function isSocket(host: string): boolean {
  return host.startsWith('/');
}

/** What each session starts with: schema and role. */
function sessionSettings({ searchPath, role }: KnexConfig, { options }: Connection) {
  const schemas = typeof searchPath === 'string' ? [searchPath] : searchPath;
  return {
    search_path: schemas?.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(','),
    role,
    options: typeof options === 'string' ? options : undefined,
  };
}

function transport({ ssl }: Connection, files: PrivateFiles) {
  const security = ssl === undefined ? fromTheEnvironment() : ssl;
  if (!security || security === 'false') {
    return { sslmode: 'disable' };
  }
  const { ca, cert, key, passphrase, rejectUnauthorized, checkServerIdentity }: Tls =
    typeof security === 'object' ? security : {};
  const isVerified = rejectUnauthorized !== false && security !== 'no-verify';
  const mode = checkServerIdentity === undefined ? 'verify-full' : 'verify-ca';
  return {
    sslmode: isVerified ? mode : 'require',
    sslrootcert: isVerified
      ? files.write('ca.pem', ca === undefined ? trustedByNode() : [ca].flat().join('\n'))
      : undefined,
    sslcert: cert && files.write('client.pem', cert),
    sslkey: key && files.write('client.key', key),
    sslpassword: passphrase,
  };
}

/** The value of `ssl` that node-postgres takes from the environment. */
function fromTheEnvironment(): unknown {
  const mode = process.env.PGSSLMODE;
  return mode === 'no-verify' ? mode : mode !== undefined && mode !== 'disable';
}

/** The certificate authorities that Backstage trusts if its configuration names none. */
function trustedByNode(): string {
  if (typeof tls.getCACertificates === 'function') {
    return tls.getCACertificates('default').join('\n');
  }
  const more = process.env.NODE_EXTRA_CA_CERTS; // before Node 22.15
  return [...tls.rootCertificates, ...(more ? [readFileSync(more, 'utf8')] : [])].join('\n');
}
