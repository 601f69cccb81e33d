import { mockServices } from '@backstage/backend-test-utils';
import express from 'express';
import http, { IncomingMessage, RequestListener, RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Forwarder } from './forwarder';
import { bodyOf, Listening } from './testing/servers';
import { until } from './testing/waiting';
import { Upstream } from './upstream';

const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: service\r\n\r\n';
const PATIENCE = { connectLimitMs: 5_000, answerLimitMs: 5_000 };
const running: { stop(): Promise<void> | void }[] = [];
const logger = mockServices.logger.mock();

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

async function service(listener: RequestListener): Promise<Listening> {
  const listening = await Listening.start(listener);
  running.push(listening);
  return listening;
}

/** Start a backend that forwards to an upstream. Returns its address. */
async function backend(upstream: () => Upstream, patience = PATIENCE): Promise<string> {
  const forwarder = new Forwarder(upstream, logger, patience);
  const app = express();
  app.use((_, response, next) => {
    response.setHeader('X-Frame-Options', 'SAMEORIGIN');
    response.vary('Origin');
    next();
  });
  app.use('/api/analytics-internal', (request, response) => forwarder.forward(request, response));
  const listening = await Listening.start(app);
  running.push(listening, { stop: () => forwarder.close() });
  return `${listening.url}/api/analytics-internal`;
}

async function backendOf(listener: RequestListener): Promise<string> {
  const { url } = await service(listener);
  return backend(() => ({ url }));
}

function send(url: string, options: RequestOptions = {}, body?: Buffer | string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    http
      .request(url, { agent: false, ...options }, resolve)
      .on('error', reject)
      .end(body);
  });
}

async function problemOf(answer: IncomingMessage) {
  return { status: answer.statusCode, headers: answer.headers, ...JSON.parse(String(await bodyOf(answer))) };
}

describe('a request', () => {
  it.each([
    ['GET', '/', '/api/analytics-internal/'],
    ['GET', '/events?after=3&a=%2F+b%20c', '/api/analytics-internal/events?after=3&a=%2F+b%20c'],
    ['GET', '/people//a%2f?x=//&y', '/api/analytics-internal/people//a%2f?x=//&y'],
    ['DELETE', '/people/user%3Adefault%2Fana', '/api/analytics-internal/people/user%3Adefault%2Fana'],
  ])('%s %s reaches the service as %s', async (method, path, expected) => {
    const seen: unknown[] = [];
    const url = await backendOf((request, response) => {
      seen.push([request.method, request.url]);
      response.writeHead(207).end();
    });

    const answer = await send(`${url}${path}`, { method });

    expect(seen).toEqual([[method, expected]]);
    expect(answer.statusCode).toBe(207);
  });

  it('goes to the path of a service that is behind one', async () => {
    const paths: unknown[] = [];
    const { url } = await service((request, response) => {
      paths.push(request.url);
      response.end();
    });
    const bridge = await backend(() => ({ url: `${url}/behind/a/path` }));

    await send(`${bridge}/configuration`);

    expect(paths).toEqual(['/behind/a/path/api/analytics-internal/configuration']);
  });

  it('keeps its headers, but for those of one connection and the portal’s cookies', async () => {
    const seen: http.IncomingHttpHeaders[] = [];
    const { url } = await service((request, response) => {
      seen.push(request.headers);
      response.end();
    });
    const bridge = await backend(() => ({ url }));

    await send(`${bridge}/events`, {
      headers: {
        authorization: 'Bearer token',
        'content-type': 'application/json',
        'accept-encoding': 'gzip',
        origin: 'https://portal.example',
        host: 'portal.example',
        'x-forwarded-for': '192.0.2.7',
        'x-forwarded-proto': 'https',
        connection: 'close, x-only-here',
        'x-only-here': '1',
        'keep-alive': 'timeout=9',
        te: 'trailers',
        'proxy-authorization': 'Basic secret',
        cookie: 'backstage-auth=secret',
      },
    });

    expect(seen).toEqual([
      {
        authorization: 'Bearer token',
        'content-type': 'application/json',
        'accept-encoding': 'gzip',
        origin: 'https://portal.example',
        host: new URL(url).host,
        'x-forwarded-for': '192.0.2.7, 127.0.0.1',
        'x-forwarded-host': 'portal.example',
        'x-forwarded-proto': 'https',
        connection: 'keep-alive',
      },
    ]);
  });

  it('of HTTP/1.0, which need not name a host, is one like others', async () => {
    const seen: http.IncomingHttpHeaders[] = [];
    const url = await backendOf((request, response) => {
      seen.push(request.headers);
      response.end('reached');
    });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');

    socket.write('GET /api/analytics-internal/configuration HTTP/1.0\r\n\r\n');

    expect(String(await bodyOf(socket))).toMatch(/^HTTP\/1\.1 200 .*reached$/s);
    expect(seen).toEqual([expect.not.objectContaining({ 'x-forwarded-host': expect.anything() })]);
  });

  it.each([
    ['with its length', { 'content-length': String(1 << 20) }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
    ['zipped', { 'content-encoding': 'gzip' }],
  ])('of 1 MB arrives whole %s', async (_, headers) => {
    const body =
      'content-encoding' in headers ? gzipSync(Buffer.alloc(1 << 20, 7)) : Buffer.alloc(1 << 20, 7);
    const seen: unknown[] = [];
    const url = await backendOf(async (request, response) => {
      seen.push(request.headers, await bodyOf(request));
      response.end('taken');
    });

    const answer = await send(`${url}/events`, { method: 'POST', headers }, body);

    expect(String(await bodyOf(answer))).toBe('taken');
    expect(seen).toEqual([expect.objectContaining(headers), body]);
  });

  it('goes on while it comes in', async () => {
    const parts: string[] = [];
    const url = await backendOf((request, response) => {
      request.on('data', (part) => parts.push(String(part))).on('end', () => response.end());
    });
    const request = http.request(`${url}/events`, { method: 'POST', agent: false });
    const answered = new Promise((resolve) => request.once('response', resolve));

    request.write('first');
    await until(() => parts.includes('first'));
    request.end('second');
    await answered;

    expect(parts).toEqual(['first', 'second']);
  });

  it.each(['/../metrics', '/a/%2e%2E/b', '/..%2f..', '/.'])('with the path %s is refused', async (path) => {
    const url = await backendOf((_, response) => response.end('reached'));
    const { hostname, port, pathname } = new URL(url);

    const answer = await send('http://_', { hostname, port, path: `${pathname}${path}` });

    expect(await problemOf(answer)).toMatchObject({
      status: 400,
      type: 'urn:analytics-internal:problem:invalid-path',
    });
  });

  describe.each([
    // A proxy removes headers that `Connection` names. It must not remove the length.
    ['with its length', { connection: 'close, Content-Length', 'content-length': String(HIDDEN.length) }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('with a body %s', (_, headers) => {
    it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS'])('hides no other one in it: %s', async (method) => {
      const seen: unknown[] = [];
      const url = await backendOf(async (request, response) => {
        seen.push([request.url, String(await bodyOf(request))]);
        response.end();
      });

      await send(`${url}/seen`, { method, headers }, HIDDEN);
      await send(`${url}/next`);

      expect(seen).toEqual([
        ['/api/analytics-internal/seen', HIDDEN],
        ['/api/analytics-internal/next', ''],
      ]);
    });
  });

  it('that its sender gives up is given up towards the service', async () => {
    const ended: string[] = [];
    const url = await backendOf((request, response) => {
      response.once('close', () => ended.push(request.url!));
    });

    const waiting = http.request(`${url}/waiting`, { agent: false }).on('error', () => {});
    waiting.end();
    const sending = http.request(`${url}/sending`, { method: 'POST', agent: false }).on('error', () => {});
    sending.write('something');
    setTimeout(() => [waiting, sending].forEach((request) => request.destroy()), 100);
    await until(() => ended.length === 2);

    expect(ended.sort()).toEqual(['/api/analytics-internal/sending', '/api/analytics-internal/waiting']);
  });
});

describe('an answer', () => {
  it('keeps its headers, and those of the backend of which it has none', async () => {
    const url = await backendOf((_, response) => {
      response.writeHead(200, [
        ['Content-Type', 'application/json'],
        ['Link', '</a>; rel="next"'],
        ['Link', '</b>; rel="prev"'],
        ['Vary', 'Accept-Encoding'],
        ['X-Log-Position', '17'],
        ['Keep-Alive', 'timeout=77'],
        ['Connection', 'keep-alive, x-only-here'],
        ['X-Only-Here', '1'],
      ] as any);
      response.end('{}');
    });

    const { headers } = await send(url);

    expect(headers).toMatchObject({
      'content-type': 'application/json',
      link: '</a>; rel="next", </b>; rel="prev"',
      vary: 'Origin, Accept-Encoding',
      'x-log-position': '17',
      'x-frame-options': 'SAMEORIGIN',
    });
    expect(headers).not.toHaveProperty('x-only-here');
    expect(headers['keep-alive']).not.toBe('timeout=77');
  });

  it('comes while it is made, has no end if the service gives it none, and ends with its reader', async () => {
    let isWriting = true;
    const url = await backendOf((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      const writing = setInterval(() => response.write('{"position": 1}\n'), 5);
      response.once('close', () => {
        clearInterval(writing);
        isWriting = false;
      });
    });

    const answer = await send(`${url}/events`);
    let read = 0;
    for await (const chunk of answer) {
      read += chunk.length;
      if (read > 100) {
        break; // which also ends the connection
      }
    }
    await until(() => !isWriting);

    expect(answer.statusCode).toBe(200);
  });

  it('that is compressed passes as it is', async () => {
    const zipped = gzipSync('{"rows": []}');
    const url = await backendOf((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped),
    );

    const answer = await send(`${url}/query`);

    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(await bodyOf(answer)).toEqual(zipped);
  });

  it('that breaks off is seen to be broken', async () => {
    const url = await backendOf((_, response) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('half of it', () => response.destroy());
    });

    const answer = await send(`${url}/events`);

    await expect(bodyOf(answer)).rejects.toThrow(/aborted/);
  });

  it('that comes before the end of the request is passed on', async () => {
    const url = await backendOf((request, response) => {
      response.writeHead(413).end('too large');
      request.resume();
    });

    const answer = await send(`${url}/events`, { method: 'POST' }, Buffer.alloc(4 << 20));

    expect(answer.statusCode).toBe(413);
    expect(String(await bodyOf(answer))).toBe('too large');
  });

  it.each([
    ['the connection is closed', (request: IncomingMessage) => request.socket.destroy()],
    ['the rest is never read', () => {}],
    ['the rest is read', (request: IncomingMessage) => request.resume()],
  ])(
    'that comes before the end of the request leaves the connection to the next one when %s',
    async (_, then) => {
      const url = await backendOf((request, response) => {
        if (request.method === 'GET') {
          response.end('next');
          return;
        }
        response.writeHead(413).end('too large', () => setTimeout(() => then(request), 50));
      });
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

      const refused = await send(`${url}/events`, { method: 'POST', agent }, Buffer.alloc(16 << 20));
      await bodyOf(refused);
      const next = await send(`${url}/configuration`, { agent });

      expect(refused.statusCode).toBe(413);
      expect(String(await bodyOf(next))).toBe('next');
      agent.destroy();
    },
  );
});

describe('without an answer', () => {
  it('of a service that is not there yet it is a 503 that says when to come again', async () => {
    const url = await backend(() => ({
      unavailable: 'the analytics service is starting',
      retryAfterSeconds: 1.2,
    }));

    const answer = await send(`${url}/events`, { method: 'POST' }, Buffer.alloc(1 << 20));

    expect(await problemOf(answer)).toMatchObject({
      status: 503,
      headers: { 'content-type': 'application/problem+json; charset=utf-8', 'retry-after': '2' },
      type: 'urn:analytics-internal:problem:service-unavailable',
      detail: 'the analytics service is starting',
    });
  });

  it('of a service that is gone it is a 503, whatever was sent', async () => {
    const gone = await Listening.start(() => {});
    await gone.stop();
    const url = await backend(() => ({ url: gone.url }));

    const answers = await Promise.all([
      send(`${url}/analytics`),
      send(`${url}/events`, { method: 'POST' }, Buffer.alloc(4 << 20)),
    ]);

    for (const answer of answers) {
      expect(await problemOf(answer)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    }
    expect(logger.warn).toHaveBeenCalledWith(expect.stringContaining('ECONNREFUSED'));
  });

  it('of a service that is killed while it is asked it is a 503', async () => {
    const url = await backendOf((request) => request.socket.destroy());

    expect(await problemOf(await send(`${url}/analytics`))).toMatchObject({ status: 503 });
  });

  it('of a service that does not answer it is a 504 in the end', async () => {
    const { url } = await service(() => {});
    const bridge = await backend(() => ({ url }), { ...PATIENCE, answerLimitMs: 100 });

    const answer = await send(`${bridge}/analytics`);

    expect(await problemOf(answer)).toMatchObject({
      status: 504,
      type: 'urn:analytics-internal:problem:service-too-slow',
    });
  });

  it('of a machine that takes no connections it is a 503 in the end', async () => {
    // 192.0.2.0/24 leads nowhere (RFC 5737). A machine without any route reports another error.
    const bridge = await backend(() => ({ url: 'http://192.0.2.1:7008' }), {
      ...PATIENCE,
      connectLimitMs: 100,
    });

    expect(await problemOf(await send(`${bridge}/analytics`))).toMatchObject({ status: 503 });
  });
});

it('keeps the connections to the service and uses them again', async () => {
  const listening = await service((request, response) => {
    request.resume();
    response.end();
  });
  const url = await backend(() => listening);

  for (let round = 0; round < 5; round++) {
    (await send(`${url}/events`, { method: 'POST' }, 'an event')).resume();
  }

  expect(listening.sockets.size).toBe(1);
});
