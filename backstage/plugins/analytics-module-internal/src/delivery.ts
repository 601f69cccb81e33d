import { type Access, type Identify } from './access';
import { listen } from './listen';
import { post } from './post';
import { createQueue, idOf } from './queue';
import { type Settings } from './settings';
import { erase, read } from './storage';
import { type Tell, warn } from './tell';

/** The service's limit for one request. */
const MAX_BATCH_EVENTS = 1_000;
/** Requests that outlive the page may have 64 KiB together: the last one, and one that is still on its way. */
const MAX_BATCH_BYTES = 30_000;
/** The longest pause after the first failure. It doubles with each further failure. */
export const FIRST_PAUSE_MS = 1_000;
export const LONGEST_PAUSE_MS = 5 * 60_000;
/** The longest `Retry-After` that we respect. */
export const LONGEST_RETRY_AFTER_MS = 60 * 60_000;
/** After so many failures in a row, the console shows a warning. */
const LASTING_FAILURES = 3;
/**
 * The statuses with which the service, or a firewall, refuses a content for good. All other failures may pass: a 404
 * comes while the portal's backend is updated, or does not have the plugin yet.
 */
const REFUSALS = [400, 403, 406, 413, 415, 422];

/** Sends events to the service in batches, one request at a time, until the service confirms them. */
export interface Delivery {
  /** Queues an event. It is sent when a batch is full, or after the interval or the pause. */
  add(id: string, user: string, text: string): void;
  /**
   * Queues an event that goes with the next batch, or replaces it. Without `isFinal` it is not sent by this page before
   * it is replaced, or another event is kept.
   */
  keep(id: string, user: string, text: string, isFinal?: boolean): void;
  /** Removes a waiting event. Returns false if it is on its way or was sent already. */
  takeBack(id: string, user: string): boolean;
  /**
   * Sends as much as the browser lets outlive the page, which is hidden or left. Events stay stored until the service
   * has answered. If no page is left to hear the answer, the next one sends them again; the service knows their ids.
   */
  leave(): void;
}

/**
 * `isOpen` tells whether an event may still be replaced and should be sent later. `identify` returns the current
 * access. It waits until somebody signs in, and may reject.
 */
export function createDelivery(
  settings: Pick<Settings, 'batchSize' | 'flushInterval'>,
  isOpen: (id: string) => boolean,
  identify: Identify,
  debug: Tell,
): Delivery {
  const queue = createQueue(announce, debug);
  const inFlight = new Set<string>();
  let maxEvents = MAX_BATCH_EVENTS;
  /** The name of the kept event that is not final. */
  let kept = '';
  let fresh = 0;
  let failures = 0;
  /** In milliseconds of `performance.now()`, which ignores changes of the clock. */
  let notBefore = 0;
  let isBusy = false;
  let access: Access | undefined;
  /** The token that the last answer refused. */
  let refused: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const pause = () => Math.max(0, notBefore - performance.now());

  const due = ({ user }: Access) =>
    queue.waitingFor(user).filter((name) => !inFlight.has(name) && name !== kept);

  const schedule = () => {
    if (isBusy) return;
    if (!pause() && fresh >= settings.batchSize) void flush();
    else timer ??= setTimeout(flush, pause() || settings.flushInterval * 1_000);
  };

  /** Pauses longer with each failure, and for a random time, so that not all browsers send at the same moment. */
  const fail = (what: unknown, retryAfter?: string | null) => {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++);
    notBefore = performance.now() + patienceOf(retryAfter) + Math.random() * longest;
    (failures === LASTING_FAILURES ? warn : debug)('kept for later', what);
    schedule();
  };

  /** One event of the batch is refused. Batches are halved until that event is alone, and is dropped. */
  const refuse = (batch: string[], what: unknown) => {
    maxEvents = batch.length >> 1 || 1;
    if (batch.length > 1) return;
    warn('dropped', read(batch[0]!), what);
    batch.forEach(erase);
  };

  /** Sends the first of these events. Returns whether to send more at once. */
  const send = async (to: Access, names: string[]): Promise<boolean> => {
    fresh = 0;
    const batch = takeBatch(names.slice(0, maxEvents));
    if (!batch.length) return false;
    batch.forEach((name) => inFlight.add(name));
    try {
      // The browser's `keepalive` limit counts all requests of the portal, and a request beyond it fails at once. So
      // we do not use `keepalive` after a failure.
      const [isDone, status, what, retryAfter] = await post(to.address, bodyOf(batch), !failures, to.token);
      refused = status === 401 ? to.token : undefined;
      if (isDone) {
        batch.forEach(erase);
        maxEvents = MAX_BATCH_EVENTS;
        failures = 0;
        debug('sent', batch.length, what);
        return due(to).length >= settings.batchSize;
      }
      // Try another token: the first time without a pause.
      if (status === 401 && !failures++) return true;
      if (REFUSALS.includes(status)) refuse(batch, what);
      fail(what, retryAfter);
      return false;
    } finally {
      batch.forEach((name) => inFlight.delete(name));
    }
  };

  async function flush() {
    if (isBusy) return;
    clearTimeout(timer);
    timer = undefined;
    isBusy = !pause();
    try {
      // For each batch: the portal renews tokens, and a token must never send another person's events.
      while (isBusy) {
        access = await identify(refused);
        isBusy = await send(
          access,
          due(access).filter((name) => !isOpen(idOf(name))),
        );
      }
    } catch (error) {
      fail(error);
    }
    isBusy = false;
    if (!access || due(access).length) schedule();
  }

  function announce() {
    fresh++;
    schedule();
  }

  listen('online', () => {
    failures = notBefore = 0;
    void flush();
  });
  // Sends what the last visit left. Waits until somebody has signed in.
  void flush();
  return {
    add(id, user, text) {
      queue.add(queue.nameOf(id, user), text);
      announce();
    },
    keep(id, user, text, isFinal) {
      const name = queue.nameOf(id, user);
      kept = isFinal ? '' : name;
      queue.add(name, text);
    },
    takeBack(id, user) {
      const name = queue.nameOf(id, user);
      const isWaiting = Boolean(read(name)) && !inFlight.has(name);
      if (isWaiting) erase(name);
      return isWaiting;
    },
    leave() {
      if (!access || pause()) return;
      send(access, due(access)).then(schedule, fail);
    },
  };
}

/** As many of the named events as fit into a request. An event that is too large for any request goes alone. */
function takeBatch(names: string[]): string[] {
  let bytes = 0;
  const end = names.findIndex((name) => (bytes += new Blob([read(name)!, ',']).size) > MAX_BATCH_BYTES);
  return end < 0 ? names : names.slice(0, end || 1);
}

function bodyOf(names: string[]): string {
  // The service needs `sentAt` to correct the events' times by its own clock.
  return `{"sentAt":"${new Date().toISOString()}","events":[${names.map(read).filter(Boolean)}]}`;
}

/** The milliseconds of a `Retry-After`. */
function patienceOf(retryAfter?: string | null): number {
  const asked = Number(retryAfter) * 1_000 || Date.parse(retryAfter ?? '') - Date.now() || 0;
  return Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, asked));
}
