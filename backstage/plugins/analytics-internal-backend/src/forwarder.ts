import { LoggerService } from '@backstage/backend-plugin-api';
import { Request, Response } from 'express';
import http, { IncomingMessage } from 'node:http';
import https from 'node:https';
import { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { requestHeaders, setResponseHeaders } from './headers';
import { sendProblem } from './problem';
import { isRepeatable, isRepeatableWith, KeptBody, Room } from './repetition';
import { API_PATH, Upstream } from './upstream';

// Servers close an idle connection after some seconds, uvicorn after 5. A request sent into one that is being closed
// would fail for no reason, so we are the first to close it. A server may have other reasons to close one: then what can
// be sent again is.
const IDLE_CONNECTION_MS = 4_000;
const CLOSED = ['ECONNRESET', 'EPIPE'];
const CONNECT_LIMIT_MS = 5_000;
// The slowest honest answers (a reader far behind, a database that does not answer) take some 100 s.
const ANSWER_LIMIT_MS = 120_000;
const RETRY_AFTER_SECONDS = 1;
// What `new URL` and many servers take for "." and "..": from the path of our API they would lead out of it.
const DOT_SEGMENT = /(?:^|\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?:$|\/|\\|%2f|%5c)/i;

class TooSlow extends Error {}

/** The service closed a connection that had served others before, and answered nothing to what was sent last. */
class Stale extends Error {}

/** How long a forwarder waits. */
export interface Patience {
  connectLimitMs: number;
  answerLimitMs: number;
}

/**
 * Sends requests on to the service and its answers back, both as streams, with nothing changed but what belongs to
 * one connection only.
 */
export class Forwarder {
  readonly #upstream: () => Upstream;
  readonly #logger: LoggerService;
  readonly #patience: Patience;
  readonly #room: Room;
  readonly #agents = {
    'http:': new http.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS }),
    'https:': new https.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS }),
  };

  constructor(
    upstream: () => Upstream,
    logger: LoggerService,
    patience: Patience = { connectLimitMs: CONNECT_LIMIT_MS, answerLimitMs: ANSWER_LIMIT_MS },
    room = new Room(),
  ) {
    this.#upstream = upstream;
    this.#logger = logger;
    this.#patience = patience;
    this.#room = room;
  }

  /** End the connections to the service, also those that still carry something. */
  close() {
    this.#agents['http:'].destroy();
    this.#agents['https:'].destroy();
  }

  /**
   * Answer a request with the service's answer.
   *
   * Without one it is a 503 with `Retry-After`, whose sender keeps what it has and sends it again; a service that
   * takes connections and does not answer is a 504. An answer that breaks off breaks off here too.
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
    let answer: IncomingMessage;
    try {
      answer = await this.#answerTo(request, response, upstream.url);
    } catch (error) {
      this.#explain(request, response, error);
      return;
    }
    await this.#passBack(answer, response);
  }

  /**
   * The beginning of the service's answer.
   *
   * A request that met a connection which the service was closing is sent once more, on a new one, when nothing of an
   * answer has come and sending it twice does no more than sending it once.
   */
  async #answerTo(request: Request, response: Response, serviceUrl: string): Promise<IncomingMessage> {
    const kept = isRepeatable(request) ? new KeptBody(request, this.#room) : undefined;
    try {
      // Not `pipeline`: that would end the client's connection, on which it is still to be told what happened.
      return await this.#ask(request, response, serviceUrl, (outgoing) => request.pipe(outgoing));
    } catch (error) {
      const body = error instanceof Stale ? await kept?.whole() : undefined;
      if (body === undefined || response.destroyed || !isRepeatableWith(request, body)) {
        throw error;
      }
      this.#logger.debug(`sent again, on a new connection: ${request.method} ${request.path}`);
      return await this.#ask(request, response, serviceUrl, (outgoing) => outgoing.end(body), false);
    } finally {
      kept?.drop();
    }
  }

  #ask(
    request: Request,
    response: Response,
    serviceUrl: string,
    send: (outgoing: http.ClientRequest) => void,
    isConnectionShared = true,
  ): Promise<IncomingMessage> {
    const url = new URL(serviceUrl);
    const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
    const outgoing = (protocol === 'https:' ? https : http).request({
      agent: isConnectionShared && this.#agents[protocol],
      protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      method: request.method,
      path: `${url.pathname.replace(/\/$/, '')}${API_PATH}${request.url}`,
      headers: requestHeaders(request),
    });
    // The client has gone, or has its answer: what the service still does for it is not needed, and may have no end; what
    // it still sends has to go somewhere, as it stands before its next request.
    response.once('close', () => {
      request.unpipe(outgoing);
      request.resume();
      if (!response.writableFinished || !outgoing.writableFinished) {
        outgoing.destroy();
      }
    });
    const limit = this.#limitPatience(outgoing);
    const isStale = staleness(outgoing);
    send(outgoing);
    return new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      // Stays: an error after the answer has begun is the answer's, and without a listener it would end the backend.
      outgoing.on('error', (error) => reject(isStale(error) ? new Stale(error.message) : error));
    }).finally(() => clearTimeout(limit));
  }

  /** Give up a request that does not come through. */
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
      return; // the client has gone, which is what ended the request
    }
    if (error instanceof TooSlow) {
      const seconds = this.#patience.answerLimitMs / 1000;
      this.#logger.warn(
        `analytics-internal did not answer ${request.method} ${request.path} within ${seconds} s`,
      );
      refuse(request, response, 504, 'the analytics service did not answer in time');
      return;
    }
    this.#logger.warn(`analytics-internal could not be asked: ${String(error)}`);
    refuse(request, response, 503, 'the analytics service did not answer', RETRY_AFTER_SECONDS);
  }

  async #passBack(answer: IncomingMessage, response: Response) {
    response.status(answer.statusCode ?? 502);
    setResponseHeaders(answer, response);
    if (answer.headers['content-length'] === undefined) {
      response.flushHeaders(); // a stream, which may take its time to its first byte
    }
    try {
      await pipeline(answer, response);
    } catch (error) {
      // The status is out already, so the client learns it by the connection: pipeline has broken it off.
      this.#logger.debug(`an answer of analytics-internal broke off: ${String(error)}`);
    }
  }
}

/** Says of an error whether all that happened is that a connection had been closed which was used before. */
function staleness(outgoing: http.ClientRequest): (error: NodeJS.ErrnoException) => boolean {
  let socket: Socket | undefined;
  let readBefore = 0;
  outgoing.once('socket', (given) => {
    socket = given;
    readBefore = given.bytesRead;
  });
  return ({ code = '' }) =>
    outgoing.reusedSocket && CLOSED.includes(code) && socket?.bytesRead === readBefore;
}

function refuse(
  request: Request,
  response: Response,
  status: 400 | 503 | 504,
  detail: string,
  retryAfterSeconds?: number,
) {
  // What the client still sends has to go somewhere: with an answer before the end of a request some clients see a
  // broken connection only.
  request.unpipe();
  request.resume();
  sendProblem(response, status, detail, retryAfterSeconds);
}
