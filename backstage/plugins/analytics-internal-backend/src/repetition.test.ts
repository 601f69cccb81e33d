import { mockServices } from '@backstage/backend-test-utils';
import express from 'express';
import http, { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Forwarder } from './forwarder';
import { KeptBody } from './repetition';
import { bodyOf, Listening } from './testing/servers';
import { until } from './testing/waiting';

const ID = '019abf2e-8a51-7c3e-9d0a-5f7c1f2b3a4d';
const OTHER_ID = '019abf2e-8a51-7c3e-9d0a-5f7c1f2b3a4e';
const running: { stop(): Promise<void> | void }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

interface Seen {
  method: string;
  path: string;
  body: string;
  isOnNewConnection: boolean;
}

/** A service that answers the first request of each connection, and calls `then` for the further ones. */
async function serviceThat(then: (socket: Socket, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const used = new WeakSet<Socket>();
  const listening = await Listening.start(async (request, response) => {
    const isOnNewConnection = !used.has(request.socket);
    used.add(request.socket);
    const path = request.url!.replace('/api/analytics-internal', '');
    if (!isOnNewConnection && request.headers['x-slow'] !== undefined) {
      seen.push({ method: request.method!, path, body: '', isOnNewConnection });
      request.socket.destroy();
      return;
    }
    const body = String(await bodyOf(request));
    seen.push({ method: request.method!, path, body, isOnNewConnection });
    if (isOnNewConnection) {
      response.end('answered');
    } else {
      then(request.socket, response);
    }
  });
  running.push(listening);
  return { listening, seen };
}

const closes = (socket: Socket) => socket.destroy();

/** A bridge to `listening`, with a connection that was used before. */
async function bridgeBefore(listening: Listening): Promise<string> {
  const forwarder = new Forwarder(() => listening, mockServices.logger.mock());
  const app = express();
  app.use('/api/analytics-internal', (request, response) => forwarder.forward(request, response));
  const bridge = await Listening.start(app);
  running.push(bridge, { stop: () => forwarder.close() });
  const url = `${bridge.url}/api/analytics-internal`;
  await bodyOf(await send(`${url}/configuration`));
  return url;
}

function send(
  url: string,
  options: http.RequestOptions = {},
  body?: Buffer | string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    http
      .request(url, { agent: false, ...options }, resolve)
      .on('error', reject)
      .end(body);
  });
}

const event = (id?: unknown) => ({ id, action: 'navigate', subject: '/catalog' });
const json = (value: unknown) => JSON.stringify(value);

it.each([
  ['GET', '/configuration', undefined],
  ['HEAD', '/configuration', undefined],
  ['GET', '/events?after=7', undefined],
  ['POST', '/query', '{"metrics": ["events"]}'],
  ['POST', '/.well-known/backstage/permissions/apply-conditions', '{"items": []}'],
  ['POST', '/events', json(event(ID))],
  ['POST', '/events', json({ events: [event(ID), event(OTHER_ID)] })],
])('%s %s is sent again when the service was closing the connection', async (method, path, body) => {
  const { listening, seen } = await serviceThat(closes);
  const url = await bridgeBefore(listening);

  const answer = await send(`${url}${path}`, { method }, body);

  expect(answer.statusCode).toBe(200);
  const sent = { method, path, body: body ?? '' };
  expect(seen.slice(1)).toEqual([
    { ...sent, isOnNewConnection: false },
    { ...sent, isOnNewConnection: true },
  ]);
});

it.each([
  ['an event without an id, which would be stored twice', 'POST', '/events', json(event())],
  ['an event whose id is none', 'POST', '/events', json(event(7))],
  ['a batch of which one has no id', 'POST', '/events', json({ events: [event(ID), event()] })],
  ['what is no event', 'POST', '/events', 'null'],
  ['what is no JSON', 'POST', '/events', '{"id":'],
  ['what is not known to read only', 'POST', '/people/erase', '{}'],
  ['a deletion', 'DELETE', '/people/user%3Adefault%2Fana', undefined],
  ['more than is kept', 'POST', '/query', 'x'.repeat((1 << 20) + 1)],
])('%s is not sent again', async (_, method, path, body) => {
  const { listening, seen } = await serviceThat(closes);
  const url = await bridgeBefore(listening);

  const answer = await send(`${url}${path}`, { method }, body);

  expect(answer.statusCode).toBe(503);
  expect(answer.headers['retry-after']).toBe('1');
  expect(seen).toHaveLength(2);
});

it('events in a compressed body, which is not looked into, are not sent again', async () => {
  const { listening, seen } = await serviceThat(closes);
  const url = await bridgeBefore(listening);

  const headers = { 'content-encoding': 'gzip' };
  const answer = await send(`${url}/events`, { method: 'POST', headers }, gzipSync(json(event(ID))));

  expect(answer.statusCode).toBe(503);
  expect(seen).toHaveLength(2);
});

it('nothing is sent again when an answer has begun', async () => {
  const { listening, seen } = await serviceThat((socket) =>
    socket.write('HTTP/1.1 2', () => setTimeout(() => socket.destroy(), 50)),
  );
  const url = await bridgeBefore(listening);

  const answer = await send(`${url}/configuration`);

  expect(answer.statusCode).toBe(503);
  expect(seen).toHaveLength(2);
});

it('nothing is sent again that a new connection was closed upon', async () => {
  const paths: string[] = [];
  const listening = await Listening.start((request, response) => {
    paths.push(request.url!);
    if (paths.length === 1) {
      response.end();
    } else {
      request.socket.destroy();
    }
  });
  running.push(listening);
  const url = await bridgeBefore(listening);

  const answer = await send(`${url}/query`, { method: 'POST' }, '{}');

  expect(answer.statusCode).toBe(503);
  expect(paths).toHaveLength(3); // to make the connection, on it, and once again
});

it('a body that is still coming is sent again as a whole', async () => {
  const { listening, seen } = await serviceThat(closes);
  const url = await bridgeBefore(listening);
  const whole = json({ events: [event(ID)] });
  const request = http.request(`${url}/events`, { method: 'POST', agent: false, headers: { 'x-slow': '1' } });
  const answered = new Promise<IncomingMessage>((resolve) => request.once('response', resolve));

  request.write(whole.slice(0, 10));
  await until(() => seen.length === 2);
  setTimeout(() => request.end(whole.slice(10)), 50);
  const answer = await answered;

  expect(answer.statusCode).toBe(200);
  expect(seen.at(-1)).toEqual({ method: 'POST', path: '/events', body: whole, isOnNewConnection: true });
});

it('bodies are kept within a bound for all of them together, which is free again afterwards', async () => {
  const budget = { ofOneBytes: 1_000, freeBytes: 1_500 };
  const kept: KeptBody[] = [];
  const listening = await Listening.start(async (request, response) => {
    const one = new KeptBody(request, budget);
    kept.push(one);
    const whole = await one.whole();
    response.end(String(whole?.length));
  });
  running.push(listening);
  const keep = async (bytes: number) =>
    String(await bodyOf(await send(listening.url, { method: 'POST' }, Buffer.alloc(bytes))));

  expect([await keep(900), await keep(1_001), await keep(900), await keep(600)]).toEqual([
    '900',
    'undefined', // too large alone
    'undefined', // too large beside the first
    '600',
  ]);
  kept.forEach((one) => one.drop());
  expect([await keep(900), await keep(600)]).toEqual(['900', '600']);
});

it('nobody hears of a service that closes each connection after its answer without a word', async () => {
  const listening = await Listening.start((request, response) => {
    request.resume();
    // Like a server that ends the connection after an error.
    response.end('answered', () => setImmediate(() => request.socket.destroy()));
  });
  running.push(listening);
  const url = await bridgeBefore(listening);

  const statuses = new Set<number | undefined>();
  for (let round = 0; round < 40; round++) {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        index % 2 ? send(`${url}/configuration`) : send(`${url}/events`, { method: 'POST' }, json(event(ID))),
      ),
    );
    for (const answer of answers) {
      statuses.add(answer.statusCode);
      answer.resume();
    }
  }

  expect([...statuses]).toEqual([200]);
});
