import { ConfigReader } from '@backstage/core-app-api';
import { readSettings } from './settings';

const defaults = {
  enabled: true,
  host: '',
  debug: false,
  actions: ['*'],
  batchSize: 20,
  flushInterval: 5,
  engagement: true,
  sampling: 1,
  excludePlugins: [],
  excludePaths: [],
  metricsPages: false,
  environment: '',
  collapse: ['navigate', 'redirect', 'signIn', 'search'],
};
let error: jest.SpyInstance;

beforeEach(() => {
  error = jest.spyOn(console, 'error').mockImplementation();
});

afterEach(() => {
  jest.restoreAllMocks();
});

const read = (internal: unknown) =>
  readSettings(new ConfigReader({ app: { analytics: { internal } } } as never));
const complaints = () => error.mock.calls.map((call) => call.join(' '));

it.each([[{}], [undefined]])('the defaults hold where the config says nothing: %j', (internal) => {
  expect(read(internal)).toEqual(defaults);
  expect(readSettings(new ConfigReader({}))).toEqual(defaults);
  expect(error).not.toHaveBeenCalled();
});

it('every setting is taken as it is given', () => {
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
  expect(read(given)).toEqual(given);
  expect(error).not.toHaveBeenCalled();
});

it('what comes from the environment is a text', () => {
  expect(
    read({ enabled: 'false', debug: 'true', batchSize: '7', flushInterval: '0.5', sampling: '0' }),
  ).toMatchObject({
    enabled: false,
    debug: true,
    batchSize: 7,
    flushInterval: 0.5,
    sampling: 0,
  });
  expect(error).not.toHaveBeenCalled();
});

it.each([
  [true, ['*']],
  ['true', ['*']],
  [false, []],
  ['false', []],
])('actions may be what the original’s schema has: %j', (actions, expected) => {
  expect(read({ actions }).actions).toEqual(expected);
  expect(error).not.toHaveBeenCalled();
});

it.each([
  [{ seconds: 5 }, 5],
  [{ minutes: 1, seconds: 5 }, 65],
  [{ milliseconds: 500 }, 0.5],
])('an interval may be a duration: %j', (flushInterval, seconds) => {
  expect(read({ flushInterval }).flushInterval).toBe(seconds);
  expect(error).not.toHaveBeenCalled();
});

it.each([
  ['enabled', 'yes', 'true or false'],
  ['host', 'collector.example', 'an http or https address'],
  ['debug', 1, 'true or false'],
  ['actions', 'navigate', 'a list of texts, or true for all and false for none'],
  ['actions', [['navigate']], 'a list of texts, or true for all and false for none'],
  ['batchSize', 0, '1 to 999'],
  ['batchSize', 2.5, '1 to 999'],
  ['flushInterval', 0, '0.1 to 999 seconds, like 5 or { seconds: 5 }'],
  ['flushInterval', { weeks: 1 }, '0.1 to 999 seconds, like 5 or { seconds: 5 }'],
  ['flushInterval', 'often', '0.1 to 999 seconds, like 5 or { seconds: 5 }'],
  ['sampling', 1.5, '0 to 1'],
  ['sampling', -0.1, '0 to 1'],
  ['excludePlugins', true, 'a list of texts'],
  ['excludePaths', ['docs'], 'a list of paths like /docs'],
  ['metricsPages', 'no', 'true or false'],
  ['environment', { name: 'x' }, 'a text'],
  ['collapse', ['click'], 'a list of navigate, redirect, signIn, search'],
] as const)('%s: %j is named with what is allowed, and the default is used', (key, value, allowed) => {
  expect(read({ [key]: value })).toEqual(defaults);
  expect(complaints()).toEqual([
    `analytics-internal: app.analytics.internal.${key} is ${JSON.stringify(value)}; allowed: ${allowed}; using the default`,
  ]);
});

it('a key that does not exist is named with those that do', () => {
  expect(read({ exclude: ['/docs'] })).toMatchObject(defaults);
  expect(complaints()).toEqual([
    `analytics-internal: app.analytics.internal.exclude is ["/docs"]; allowed: the keys ${Object.keys(defaults)}; using the default`,
  ]);
});

it.each(['all', 5, [1]])(
  '%j in the place of the settings is named, and the defaults are used',
  (internal) => {
    expect(read(internal)).toEqual(defaults);
    expect(complaints()[0]).toContain("'app.analytics.internal'");
  },
);
