import { ConfigReader } from '@backstage/config';
import { mockServices } from '@backstage/backend-test-utils';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startManaged } from './managed';
import { Program, SERVING } from './testing/program';
import { until } from './testing/waiting';

let folder: string;
const logger = mockServices.logger.mock();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'managed-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** The environment of a service, started by a backend whose address for plugins is `backendUrl`. */
async function environmentOf(backendUrl: string, settings = {}): Promise<NodeJS.ProcessEnv> {
  const file = join(folder, 'environment');
  const noting = `require('node:fs').writeFileSync(${JSON.stringify(file)}, JSON.stringify(process.env));`;
  const program = new Program(folder, noting + SERVING);
  const service = await startManaged(
    { mode: 'managed', command: program.path, settings, warnings: [] },
    {
      auth: mockServices.auth(),
      config: new ConfigReader({ backend: { baseUrl: 'https://portal.example' } }),
      database: mockServices.database.mock(),
      discovery: mockServices.discovery.mock({ getBaseUrl: async (plugin) => `${backendUrl}/api/${plugin}` }),
      logger,
    },
  );
  await until(() => 'url' in service.upstream());
  await service.stop();
  return JSON.parse(readFileSync(file, 'utf8'));
}

describe('the service', () => {
  it.each([
    ['http://localhost:7007', 'localhost'],
    // httpx, the service's HTTP client, does not match an address in brackets.
    ['http://[::1]:7007', '::1'],
  ])('reaches the backend at %s, through no proxy', async (backendUrl, host) => {
    const environment = await environmentOf(backendUrl);

    expect(environment.ANALYTICS_INTERNAL_INTERNAL_BACKEND_URL).toBe(backendUrl);
    expect(environment.NO_PROXY!.split(',').at(-1)).toBe(host);
    expect(environment.no_proxy).toBe(environment.NO_PROXY);
  });

  it('keeps its data in a folder of this portal, unless app-config names one', async () => {
    const own = (await environmentOf('http://localhost:7007')).ANALYTICS_INTERNAL_DATA_DIR;
    const named = (await environmentOf('http://localhost:7007', { data_dir: '/data' }))
      .ANALYTICS_INTERNAL_DATA_DIR;

    expect(own).toMatch(/\/analytics-internal\/portals\/[\w.-]+-\w{8}-\w{8}$/);
    expect(named).toBe('/data');
    expect(logger.info).toHaveBeenCalledWith(`analytics-internal keeps its data in ${own}`);
    expect(logger.info).toHaveBeenCalledWith('analytics-internal keeps its data in /data');
  });
});
