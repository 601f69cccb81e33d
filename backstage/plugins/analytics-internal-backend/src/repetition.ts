import { Request } from 'express';
import { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';

const READING = ['GET', 'HEAD', 'OPTIONS'];
const EVENTS = '/events';
/** POST requests that only read. */
const READING_POSTS = ['/query', '/.well-known/backstage/permissions/apply-conditions'];

/** How much may be kept: of one body, and still of all bodies together. */
export interface BodyBudget {
  readonly ofOneBytes: number;
  freeBytes: number;
}

/** The body of a request, kept while it is sent, so that it can be sent again. Call `drop` afterwards. */
export class KeptBody {
  readonly #request: IncomingMessage;
  readonly #budget: BodyBudget;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #isKept = true;

  /** Starts to keep what the client sends. */
  constructor(request: IncomingMessage, budget: BodyBudget) {
    this.#request = request;
    this.#budget = budget;
    request.on('data', this.#keep);
  }

  /** Waits for the end of the body. Returns undefined if it was too large, or if the client left. */
  async whole(): Promise<Buffer | undefined> {
    if (this.#isKept) {
      this.#request.resume();
      await finished(this.#request, { writable: false }).catch(() => {});
    }
    return this.#isKept && this.#request.complete ? Buffer.concat(this.#chunks) : undefined;
  }

  drop() {
    this.#isKept = false;
    this.#budget.freeBytes += this.#bytes;
    this.#bytes = 0;
    this.#chunks.length = 0;
    this.#request.off('data', this.#keep);
  }

  readonly #keep = (chunk: Buffer) => {
    this.#bytes += chunk.length;
    this.#budget.freeBytes -= chunk.length;
    this.#chunks.push(chunk);
    if (this.#bytes > this.#budget.ofOneBytes || this.#budget.freeBytes < 0) {
      this.drop();
    }
  };
}

/** Whether sending a request twice has the same effect as sending it once, judged by its method, path and headers. */
export function isRepeatable({ method, path, headers }: Request): boolean {
  return (
    READING.includes(method) ||
    (method === 'POST' &&
      // We do not unpack a compressed body to look for ids.
      (READING_POSTS.includes(path) || (path === EVENTS && headers['content-encoding'] === undefined)))
  );
}

/** The same, judged by the body: the service stores an event that has its own id only once. */
export function isRepeatableWith({ method, path }: Request, body: Buffer): boolean {
  return method !== 'POST' || path !== EVENTS || eventsOf(body).every(hasId);
}

function eventsOf(body: Buffer): unknown[] {
  try {
    const sent = JSON.parse(String(body));
    return Array.isArray(sent?.events) ? sent.events : [sent];
  } catch {
    return [undefined];
  }
}

function hasId(event: unknown): boolean {
  return typeof (event as { id?: unknown } | null | undefined)?.id === 'string';
}
