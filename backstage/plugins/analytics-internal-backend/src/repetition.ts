import { Request } from 'express';
import { IncomingMessage } from 'node:http';

/** More of one body is not kept: the service takes 1 MiB by default. */
const KEPT_OF_ONE_BYTES = 1 << 20;
/** More of all together is not kept, however many clients send at once. */
const KEPT_OF_ALL_BYTES = 32 << 20;
const READING = ['GET', 'HEAD', 'OPTIONS'];
const EVENTS = '/events';
/** What only reads, though it is posted. */
const READING_POSTS = ['/query', '/.well-known/backstage/permissions/apply-conditions'];

/** What may be kept of bodies: of one, and of all that are kept at the same time. */
export class Room {
  readonly ofOneBytes: number;
  freeBytes: number;

  constructor(ofOneBytes = KEPT_OF_ONE_BYTES, ofAllBytes = KEPT_OF_ALL_BYTES) {
    this.ofOneBytes = ofOneBytes;
    this.freeBytes = ofAllBytes;
  }
}

/** The body of a request, kept while it is sent so that it can be sent again. `drop` it when it is not needed any more. */
export class KeptBody {
  readonly #request: IncomingMessage;
  readonly #room: Room;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #isKept = true;

  /** Begins to keep what the client sends. */
  constructor(request: IncomingMessage, room: Room) {
    this.#request = request;
    this.#room = room;
    request.on('data', this.#take);
  }

  /** All of it once it has come; undefined when it was too much, or the client has gone. */
  async whole(): Promise<Buffer | undefined> {
    if (this.#isKept) {
      await ended(this.#request);
    }
    return this.#isKept && this.#request.complete ? Buffer.concat(this.#chunks) : undefined;
  }

  drop() {
    this.#isKept = false;
    this.#room.freeBytes += this.#bytes;
    this.#bytes = 0;
    this.#chunks.length = 0;
    this.#request.off('data', this.#take);
  }

  readonly #take = (chunk: Buffer) => {
    this.#bytes += chunk.length;
    this.#room.freeBytes -= chunk.length;
    this.#chunks.push(chunk);
    if (this.#bytes > this.#room.ofOneBytes || this.#room.freeBytes < 0) {
      this.drop();
    }
  };
}

/** Whether sending a request a second time can do no more than sending it once, as far as its head says. */
export function isRepeatable({ method, path, headers }: Request): boolean {
  return (
    READING.includes(method) ||
    (method === 'POST' &&
      // What is in a compressed body is not known here.
      (READING_POSTS.includes(path) || (path === EVENTS && headers['content-encoding'] === undefined)))
  );
}

/** The same as far as its body says: an event is stored once however often it is sent when it brings its own id. */
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

/** Read a request to its end, or to where its client breaks it off. */
async function ended(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed) {
    return;
  }
  const end = new Promise((resolve) => request.once('end', resolve).once('close', resolve));
  request.resume();
  await end;
}
