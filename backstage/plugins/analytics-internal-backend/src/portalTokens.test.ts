import { mockServices } from '@backstage/backend-test-utils';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { PortalTokens } from './portalTokens';

const MINUTE_MS = 60_000;

/** Backstage issues numbered tokens, except for the plugins in `refused`. */
function begun(refused: Set<string> = new Set()) {
  let issued = 0;
  const auth = mockServices.auth.mock({
    getOwnServiceCredentials: async () => ({ principal: { type: 'service', subject: 'plugin:own' } }) as any,
    getPluginRequestToken: async ({ onBehalfOf, targetPluginId }: any) => {
      if (refused.has(targetPluginId)) throw new Error('no keys yet');
      return { token: `${targetPluginId} ${++issued} of ${onBehalfOf.principal.subject}` };
    },
  });
  const logger = mockServices.logger.mock();
  return { tokens: new PortalTokens(auth, logger), logger, refused };
}

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));

describe('the tokens for the catalog and the scaffolder', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('are the plugin’s own, in a file that only this user can read, until the end', async () => {
    const { tokens, logger } = begun();

    const file = await tokens.begin();
    const written = read(file);
    const mode = statSync(file).mode & 0o777;
    tokens.end();
    await jest.advanceTimersByTimeAsync(60 * MINUTE_MS);

    expect(written).toEqual({ catalog: 'catalog 1 of plugin:own', scaffolder: 'scaffolder 2 of plugin:own' });
    expect(mode).toBe(0o600);
    expect(existsSync(dirname(file))).toBe(false);
    expect(logger.error).not.toHaveBeenCalled();
  });

  it('are replaced at least four times before they expire, in the same place', async () => {
    const { tokens } = begun();

    const file = await tokens.begin();
    const seen = new Set([read(file).catalog]);
    for (let minute = 0; minute < 59; minute++) {
      await jest.advanceTimersByTimeAsync(MINUTE_MS);
      seen.add(read(file).catalog);
    }
    const files = readdirSync(dirname(file));
    tokens.end();

    expect(seen.size).toBeGreaterThan(4);
    expect(files).toEqual(['portal-tokens.json']);
  });

  it('stay as they were while there are no new ones, which is logged and tried again soon', async () => {
    const { tokens, logger, refused } = begun();

    const file = await tokens.begin();
    refused.add('catalog');
    await jest.advanceTimersByTimeAsync(15 * MINUTE_MS);
    const meanwhile = read(file);
    refused.clear();
    await jest.advanceTimersByTimeAsync(MINUTE_MS);
    const after = read(file);
    tokens.end();

    expect(meanwhile.catalog).toBe('catalog 1 of plugin:own');
    expect(meanwhile.scaffolder).not.toBe('scaffolder 2 of plugin:own');
    expect(after.catalog).not.toBe(meanwhile.catalog);
    expect(logger.error).toHaveBeenCalledWith(
      'no new token with which analytics-internal reads the catalog',
      expect.objectContaining({ message: 'no keys yet' }),
    );
  });

  it('that cannot be had at the start come later, and the service starts meanwhile', async () => {
    const { tokens, refused } = begun(new Set(['catalog', 'scaffolder']));

    const file = await tokens.begin();
    const before = read(file);
    refused.clear();
    await jest.advanceTimersByTimeAsync(MINUTE_MS);
    const after = read(file);
    tokens.end();

    expect(before).toEqual({});
    expect(Object.keys(after)).toEqual(['catalog', 'scaffolder']);
  });

  it('are not written any more by a renewal that ends after the end', async () => {
    const { tokens } = begun();

    const file = await tokens.begin();
    jest.advanceTimersByTime(11 * MINUTE_MS);
    tokens.end();
    await jest.advanceTimersByTimeAsync(MINUTE_MS);

    expect(existsSync(file)).toBe(false);
  });
});
