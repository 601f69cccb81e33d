import { ConfigReader } from '@backstage/config';

import { asEnvironment, inWordsOfAppConfig, readBridgeConfig } from './config';

function read(analyticsInternal?: Record<string, any>, others: Record<string, any> = {}) {
  return readBridgeConfig(
    new ConfigReader(analyticsInternal === undefined ? others : { ...others, analyticsInternal }),
  );
}

describe('what app-config says', () => {
  it('is the mode managed with the program on PATH when it says nothing', () => {
    expect(read()).toEqual({ mode: 'managed', command: 'analytics-internal', settings: {}, warnings: [] });
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

  it('gives the service the destinations as they are written, as JSON', () => {
    const destinations = [
      {
        name: 'audit',
        type: 'webhook',
        url: 'https://siem.example/hook',
        secret: { env: 'AUDIT_SECRET' },
        filters: ['and', ['is', 'action', ['navigate', 'search']], ['is_not', 'entity', [null]]],
        people: 'none',
        fields: {
          drop: ['attributes.email'],
          rename: { 'attributes.to': 'attributes.target', occurredAt: '@timestamp' },
        },
        start: '2026-11-01',
        timeout_s: 2.5,
        is_compressed: true,
      },
      { name: 'lake', type: 'parquet', url: 's3://analytics/events', token: { file: '/run/secrets/lake' } },
    ];

    const { settings } = read({ destinations }) as { settings: {} };
    const { ANALYTICS_INTERNAL_DESTINATIONS } = asEnvironment(settings);

    expect(JSON.parse(ANALYTICS_INTERNAL_DESTINATIONS!)).toEqual(destinations);
    const none = read({ destinations: [] }) as { settings: {} };
    expect(asEnvironment(none.settings)).toEqual({ ANALYTICS_INTERNAL_DESTINATIONS: '[]' });
  });

  it.each(['https://analytics.example.com', 'http://10.0.0.7:7008/behind/a/path'])(
    'takes %s for a service elsewhere',
    (baseUrl) => {
      expect(read({ mode: 'remote', baseUrl: `${baseUrl}/` })).toEqual({
        mode: 'remote',
        baseUrl,
        warnings: [],
      });
    },
  );

  it('names what a service elsewhere is not told', () => {
    const config = {
      mode: 'remote',
      baseUrl: 'https://analytics.example.com',
      peopleReaders: [],
      destinations: [],
      settings: {},
    };
    expect(read(config)).toMatchObject({
      warnings: [
        expect.stringMatching(
          /^analyticsInternal\.peopleReaders, analyticsInternal\.destinations, analyticsInternal\.settings: without effect/,
        ),
      ],
    });
  });

  it.each([
    ['timeZone', /did you mean analyticsInternal\.timezone\?$/],
    ['peoplereaders', /did you mean analyticsInternal\.peopleReaders\?$/],
    ['people_readers', /did you mean analyticsInternal\.peopleReaders\?$/],
    ['reader', /did you mean analyticsInternal\.readers\?$/],
    ['importToken', /did you mean analyticsInternal\.importTokens\?$/],
    ['data-dir', /did you mean analyticsInternal\.dataDir\?$/],
    ['destination', /did you mean analyticsInternal\.destinations\?$/],
    ['baseURL', /did you mean analyticsInternal\.baseUrl\?$/],
    [
      'log_level',
      /the keys are mode, .*; other settings of the service are below analyticsInternal\.settings$/,
    ],
  ])('names the key %s, which does not exist, with what may be meant', (key, meant) => {
    const { warnings } = read({ [key]: 'something' });
    expect(warnings).toEqual([expect.stringMatching(meant)]);
    expect(warnings[0]).toMatch(
      new RegExp(`^analyticsInternal\\.${key}: without effect, there is no such key`),
    );
  });

  it('takes the key of the pages for one of its own', () => {
    expect(read({ formatDateToShort: false })).toMatchObject({ warnings: [] });
    expect(
      read({ mode: 'remote', baseUrl: 'http://analytics', timeZone: 'UTC', formatDateToShort: true }),
    ).toMatchObject({ warnings: [expect.stringMatching(/timeZone: without effect/)] });
  });

  it('names the lists that do nothing where the portal’s permission policy decides', () => {
    const lists = {
      peopleReaders: ['group:default/platform'],
      settings: { readers: ['*'] },
      timezone: 'UTC',
    };
    const ofPeople = expect.stringMatching(
      /^analyticsInternal\.peopleReaders: without effect .*permission\.enabled/,
    );
    const ofAll = expect.stringMatching(/^analyticsInternal\.settings\.readers: without effect /);

    expect(read(lists, { permission: { enabled: true } }).warnings).toEqual([ofAll, ofPeople]);
    expect(read(lists, { permission: { enabled: false } }).warnings).toEqual([]);
    expect(read(lists).warnings).toEqual([]);
    const decided = { ...lists, settings: { permissions: 'lists' } };
    expect(read(decided, { permission: { enabled: true } }).warnings).toEqual([]);
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
    [
      { destinations: 'webhook' },
      /analyticsInternal\.destinations must be a list of destinations, each with/,
    ],
    [{ destinations: { name: 'audit' } }, /analyticsInternal\.destinations must be a list/],
    [{ destinations: ['audit'] }, /analyticsInternal\.destinations must be a list/],
    [
      { settings: { destinations: '[]' } },
      /settings\.destinations cannot be set: analyticsInternal\.destinations is/,
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

describe('what the service says of its settings', () => {
  const root = new ConfigReader({
    app: { baseUrl: 'ftp://portal' },
    analyticsInternal: { timezone: 'Mars', destinations: [], settings: { log_leval: 'debug', flushers: 0 } },
  });
  const words = inWordsOfAppConfig(root, {
    portal_url: 'ftp://portal',
    timezone: 'Mars',
    log_leval: 'debug',
    flushers: 0,
    destinations: [{ name: 'audit' }],
    data_dir: undefined,
  });

  it.each([
    [
      'analytics-internal: timezone: "Mars" (environment ANALYTICS_INTERNAL_TIMEZONE) must be the IANA name',
      'analytics-internal: analyticsInternal.timezone: "Mars" must be the IANA name',
    ],
    [
      'flushers: "0" (environment ANALYTICS_INTERNAL_FLUSHERS) must be 1 or more',
      'analyticsInternal.settings.flushers: "0" must be 1 or more',
    ],
    [
      'analytics-internal: destinations: audit: url: is required (environment ANALYTICS_INTERNAL_DESTINATIONS)',
      'analytics-internal: analyticsInternal.destinations: audit: url: is required',
    ],
    [
      'ANALYTICS_INTERNAL_LOG_LEVAL: unknown setting (environment), ignored; did you mean log_level?',
      'analyticsInternal.settings.log_leval: unknown setting, ignored; did you mean log_level?',
    ],
    [
      'ANALYTICS_INTERNAL_OF_OTHERS: unknown setting (environment), ignored; allowed are host',
      'ANALYTICS_INTERNAL_OF_OTHERS: unknown setting (environment), ignored; allowed are host',
    ],
    [
      '{"event": "unknown", "variable": "ANALYTICS_INTERNAL_LOG_LEVAL"}',
      '{"event": "unknown", "variable": "analyticsInternal.settings.log_leval"}',
    ],
    [
      'portal_url: "ftp://portal" (environment ANALYTICS_INTERNAL_PORTAL_URL) must be a URL',
      'app.baseUrl: "ftp://portal" must be a URL',
    ],
    [
      'data_dir: "/x" (environment ANALYTICS_INTERNAL_DATA_DIR) must be a folder',
      'data_dir: "/x" (environment ANALYTICS_INTERNAL_DATA_DIR) must be a folder',
    ],
  ])('%s: is said as %s', (said, expected) => {
    expect(words(said)).toBe(expected);
  });
});
