import { ConfigReader } from '@backstage/config';

import { asEnvironment, readBridgeConfig } from './config';

function read(analyticsInternal?: Record<string, any>) {
  return readBridgeConfig(new ConfigReader(analyticsInternal === undefined ? {} : { analyticsInternal }));
}

describe('what app-config says', () => {
  it('is the mode managed with the program on PATH when it says nothing', () => {
    expect(read()).toEqual({ mode: 'managed', command: 'analytics-internal', settings: {} });
  });

  it('gives the service the settings under their own names', () => {
    const bridge = read({
      command: '/opt/analytics/bin/analytics-internal',
      timezone: 'America/Sao_Paulo',
      dataDir: '/var/lib/analytics',
      readers: [],
      peopleReaders: ['group:default/platform'],
      admins: ['user:default/ana'],
      importTokens: ['a-token-with, a comma'],
      settings: { log_level: 'debug', flushers: 2, kept_query_parameters: ['query'] },
    });

    expect(bridge).toMatchObject({ command: '/opt/analytics/bin/analytics-internal' });
    expect(asEnvironment((bridge as { settings: {} }).settings)).toEqual({
      ANALYTICS_INTERNAL_TIMEZONE: 'America/Sao_Paulo',
      ANALYTICS_INTERNAL_DATA_DIR: '/var/lib/analytics',
      ANALYTICS_INTERNAL_READERS: '[]',
      ANALYTICS_INTERNAL_PEOPLE_READERS: '["group:default/platform"]',
      ANALYTICS_INTERNAL_ADMINS: '["user:default/ana"]',
      ANALYTICS_INTERNAL_IMPORT_TOKENS: '["a-token-with, a comma"]',
      ANALYTICS_INTERNAL_LOG_LEVEL: 'debug',
      ANALYTICS_INTERNAL_FLUSHERS: '2',
      ANALYTICS_INTERNAL_KEPT_QUERY_PARAMETERS: '["query"]',
    });
  });

  it.each(['https://analytics.example.com', 'http://10.0.0.7:7008/behind/a/path'])(
    'takes %s for a service elsewhere',
    (baseUrl) => {
      expect(read({ mode: 'remote', baseUrl: `${baseUrl}/` })).toEqual({
        mode: 'remote',
        baseUrl,
        idle: [],
      });
    },
  );

  it('names what a service elsewhere is not told', () => {
    const config = {
      mode: 'remote',
      baseUrl: 'https://analytics.example.com',
      peopleReaders: [],
      settings: {},
    };
    expect(read(config)).toMatchObject({
      idle: ['analyticsInternal.peopleReaders', 'analyticsInternal.settings'],
    });
  });

  it.each([
    [{ mode: 'remote' }, /analyticsInternal\.baseUrl must be .* like https:.*mode: remote needs it/],
    [{ mode: 'remote', baseUrl: 'analytics' }, /analyticsInternal\.baseUrl must be .*, not 'analytics'/],
    [{ mode: 'remote', baseUrl: 'ftp://analytics' }, /analyticsInternal\.baseUrl must be .*, not 'ftp:/],
    [{ mode: 'remote', baseUrl: 'http://ana:secret@analytics' }, /without a user/],
    [{ mode: 'elsewhere' }, /analyticsInternal\.mode must be managed or remote, not 'elsewhere'/],
    [{ baseUrl: 'http://analytics' }, /analyticsInternal\.baseUrl is for analyticsInternal\.mode: remote/],
    [{ settings: ['port'] }, /analyticsInternal\.settings must be settings of the service by name/],
    [{ settings: { port: 7008 } }, /analyticsInternal\.settings\.port cannot be set: the bridge decides it/],
    [{ settings: { auth: 'none' } }, /analyticsInternal\.settings\.auth cannot be set/],
    [
      { settings: { flushers: { most: 2 } } },
      /analyticsInternal\.settings\.flushers must be a text, a number/,
    ],
    [{ timezone: 'UTC', settings: { timezone: 'UTC' } }, /settings\.timezone is set a second time/],
  ])('refuses %j by its key', (config, message) => {
    expect(() => read(config as Record<string, any>)).toThrow(message);
  });

  it('does not repeat a secret in a refusal', () => {
    expect(() => read({ mode: 'remote', baseUrl: 'http://ana:secret@analytics' })).toThrow(
      /^(?!.*secret).*$/s,
    );
  });
});
