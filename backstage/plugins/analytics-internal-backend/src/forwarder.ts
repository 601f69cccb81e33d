import { LoggerService } from '@backstage/backend-plugin-api';
import { Request, Response } from 'express';
import http, { IncomingMessage } from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { requestHeaders, setResponseHeaders } from './headers';
import { sendProblem } from './problem';
import { BodyBudget, isRepeatable, isRepeatableWith, KeptBody } from './repetition';
import { API_PATH, Upstream } from './upstream';

// Why this is not http-proxy-middleware 2, which Backstage's proxy backend uses: with 2.0.12 (http-proxy 1.18.1), 31
// of then 57 tests in forwarder.test.ts, repetition.test.ts and plugin.test.ts failed. It forwards hop-by-hop headers
// and cookies, never ends an answer that breaks off, has no 504, and does not repeat a request. Its hooks could mend
// that, but most of this file would remain. Two faults are in http-proxy itself: a chunked DELETE becomes
// `content-length: 0` plus its body, which is request smuggling ("with a body in chunks hides no other one in it:
// DELETE"), and `//` in a path becomes `/`. It also logs each failed address with its query, and shares its log level
// with Backstage's proxy.

// Servers close idle connections: uvicorn after 5 s. We close them first, so that no request meets a closing one. A
// server may also close a connection for other reasons; then we repeat what can be repeated.
const IDLE_CONNECTION_MS = 4_000;
const CLOSED = ['ECONNRESET', 'EPIPE'];
const CONNECT_LIMIT_MS = 5_000;
// The slowest good answers take about 100 s: the reader is far behind, or the database does not answer.
const ANSWER_LIMIT_MS = 120_000;
const RETRY_AFTER_SECONDS = 1;
// `new URL` and many servers resolve "." and "..", also when encoded. They could lead out of our API.
const DOT_SEGMENT = /(?:^|\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?:$|\/|\\|%2f|%5c)/i;

class TooSlow extends Error {}

/** The service closed a reused connection before it answered anything to the last request. */
class Stale extends Error {}

/** How long a forwarder waits for the service. */
export interface Patience {
  connectLimitMs: number;
  answerLimitMs: number;
}

/** Streams requests to the service and answers back. Changes only what belongs to a single connection. */
export class Forwarder {
  readonly #upstream: () => Upstream;
  readonly #logger: LoggerService;
  readonly #patience: Patience;
  readonly #budget: BodyBudget = { ofOneBytes: 1 << 20, freeBytes: 32 << 20 }; // the service takes 1 MiB by default
  readonly #agents: Record<string, http.Agent> = {
    'http:': new http.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS }),
    'https:': new https.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS }),
  };

  constructor(
    upstream: () => Upstream,
    logger: LoggerService,
    patience: Patience = { connectLimitMs: CONNECT_LIMIT_MS, answerLimitMs: ANSWER_LIMIT_MS },
  ) {
    this.#upstream = upstream;
    this.#logger = logger;
    this.#patience = patience;
  }

  /** Close all connections to the service, busy ones too. */
  close() {
    Object.values(this.#agents).forEach((agent) => agent.destroy());
  }

  /**
   * Answer a request with the service's answer.
   *
   * Without an answer: 503 with `Retry-After`, so that the client sends again later; 504 when the service accepted the
   * connection and stayed silent. An answer that breaks off breaks off for the client too.
   */
  async forward(request: Request, response: Response): Promise<void> {
    const upstream = this.#upstream();
    if ('unavailable' in upstream) {
      refuse(request, response, 503, upstream.unavailable, upstream.retryAfterSeconds);
      return;
    }
    if (DOT_SEGMENT.test(request.path)) {
      refuse(request, response, 400, 'the path must not have the segments "." or ".."');
      return;
    }
    try {
      const answer = await this.#answerTo(request, response, upstream.url);
      response.status(answer.statusCode ?? 502);
      setResponseHeaders(answer, response);
      if (answer.headers['content-length'] === undefined) {
        response.flushHeaders(); // a stream, whose first byte may take a while
      }
      await pipeline(answer, response);
    } catch (error) {
      this.#explain(request, response, error);
    }
  }

  /**
   * The beginning of the service's answer.
   *
   * A request that met a closing connection is sent once more, on a new connection. Only if nothing of an answer has
   * come, and if sending it twice has the same effect as sending it once.
   */
  async #answerTo(request: Request, response: Response, serviceUrl: string): Promise<IncomingMessage> {
    const kept = isRepeatable(request) ? new KeptBody(request, this.#budget) : undefined;
    try {
      return await this.#ask(request, response, serviceUrl);
    } catch (error) {
      const body = error instanceof Stale ? await kept?.whole() : undefined;
      if (body === undefined || response.destroyed || !isRepeatableWith(request, body)) {
        throw error;
      }
      this.#logger.debug(`sent again on a new connection: ${request.method} ${request.path}`);
      return await this.#ask(request, response, serviceUrl, body);
    } finally {
      kept?.drop();
    }
  }

  /** Send a request with what its client sends; or with `body`, on a connection of its own. */
  #ask(request: Request, response: Response, serviceUrl: string, body?: Buffer): Promise<IncomingMessage> {
    const url = new URL(serviceUrl);
    const outgoing = (url.protocol === 'https:' ? https : http).request(url, {
      agent: body === undefined && this.#agents[url.protocol],
      method: request.method,
      path: `${url.pathname.replace(/\/$/, '')}${API_PATH}${request.url}`,
      headers: requestHeaders(request),
    });
    // The client has left or has its answer. Stop the service's work for it, which may be endless, and read the rest
    // of the request, which precedes the client's next one.
    response.once('close', () => {
      request.unpipe(outgoing);
      request.resume();
      if (!response.writableFinished || !outgoing.writableFinished) {
        outgoing.destroy();
      }
    });
    const limit = this.#limitPatience(outgoing);
    const isStale = staleness(outgoing);
    if (body === undefined) {
      request.pipe(outgoing); // not `pipeline`: it would close the client's connection on an error
    } else {
      outgoing.end(body);
    }
    return new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      // Not `once`: an error during the answer has no other listener, and would crash the backend.
      outgoing.on('error', (error) => reject(isStale(error) ? new Stale(error.message) : error));
    }).finally(() => clearTimeout(limit));
  }

  /** Give up on a request that gets no connection, or no answer, in time. */
  #limitPatience(outgoing: http.ClientRequest): NodeJS.Timeout {
    const { connectLimitMs, answerLimitMs } = this.#patience;
    outgoing.once('socket', (socket) => {
      if (socket.connecting) {
        const limit = setTimeout(() => outgoing.destroy(new Error('no connection in time')), connectLimitMs);
        socket.once('connect', () => clearTimeout(limit)).once('close', () => clearTimeout(limit));
      }
    });
    return setTimeout(() => outgoing.destroy(new TooSlow()), answerLimitMs);
  }

  #explain(request: Request, response: Response, error: unknown) {
    if (response.destroyed) {
      this.#logger.debug(`the client left, or the answer of analytics-internal broke off: ${String(error)}`);
      return;
    }
    if (error instanceof TooSlow) {
      const seconds = this.#patience.answerLimitMs / 1000;
      this.#logger.warn(
        `analytics-internal did not answer ${request.method} ${request.path} within ${seconds} s`,
      );
      refuse(request, response, 504, 'the analytics service did not answer in time');
      return;
    }
    this.#logger.warn(`analytics-internal did not answer: ${String(error)}`);
    refuse(request, response, 503, 'the analytics service did not answer', RETRY_AFTER_SECONDS);
  }
}

/** Tells whether an error only means that the service closed a connection that was used before. */
function staleness(outgoing: http.ClientRequest): (error: NodeJS.ErrnoException) => boolean {
  let hasRead = () => true;
  outgoing.once('socket', (socket) => {
    const readBefore = socket.bytesRead;
    hasRead = () => socket.bytesRead > readBefore;
  });
  return ({ code = '' }) => outgoing.reusedSocket && CLOSED.includes(code) && !hasRead();
}

function refuse(
  request: Request,
  response: Response,
  status: 400 | 503 | 504,
  detail: string,
  retryAfterSeconds?: number,
) {
  // Read the rest of the request: some clients see only a broken connection when an answer comes earlier.
  request.unpipe();
  request.resume();
  sendProblem(response, status, detail, retryAfterSeconds);
}
