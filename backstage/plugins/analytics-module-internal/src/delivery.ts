import { type Access, type Identify } from './access';
import { post } from './post';
import { createQueue, idOf } from './queue';
import { type Settings } from './settings';
import { erase, read } from './storage';
import { type Tell, warn } from './tell';

/** What the service takes at once. */
const MAX_BATCH_EVENTS = 1_000;
/** The browser lets 64 KiB in all outlive the page: one request that may be under way then, and the last one. */
const MAX_BATCH_BYTES = 30_000;
/** The longest pause after a first failure; it doubles with each further one. */
export const FIRST_PAUSE_MS = 1_000;
export const LONGEST_PAUSE_MS = 5 * 60_000;
/** A service that asks for more patience than this is asked again all the same. */
export const LONGEST_RETRY_AFTER_MS = 60 * 60_000;
/** A failure happens; after so many in a row somebody should know. */
const LASTING_FAILURES = 3;
/**
 * What the service, or a firewall before it, answers to a content that it does not take. All other answers may change:
 * 404 while the portal's backend is being exchanged, or is still without the plugin.
 */
const REFUSALS = [400, 403, 406, 413, 415, 422];

/** Brings events to the service: in batches, one request after the other, until it says it has them. */
export interface Delivery {
  /** Takes one more event: it is sent at once with others as a batch, or after the interval or the pause. */
  add(id: string, user: string, text: string): void;
  /** Takes an event that waits back, so that it is never sent; false when it is on its way or sent already. */
  takeBack(id: string, user: string): boolean;
  /**
   * Sends, while the page is hidden or left, what the browser lets outlive it. All stays stored until the service has
   * answered: what no page is there to hear is sent again by the next one, and the service knows it by its id.
   */
  leave(): void;
}

/**
 * `isOpen` says that an event may still be replaced and is better sent later. `identify` gives the access of the moment;
 * it may take as long as somebody takes to sign in, and may reject.
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
  let fresh = 0;
  let failures = 0;
  /** On the clock that nobody sets. */
  let notBefore = 0;
  let isBusy = false;
  let access: Access | undefined;
  /** The token that the last answer refused. */
  let refused: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const pause = () => Math.max(0, notBefore - performance.now());

  const due = ({ user }: Access) => queue.waitingFor(user).filter((name) => !inFlight.has(name));

  const schedule = () => {
    if (isBusy) return;
    if (!pause() && fresh >= settings.batchSize) void flush();
    else timer ??= setTimeout(flush, pause() || settings.flushInterval * 1_000);
  };

  /** Pauses for longer and longer, and for a random time, so that the browsers of a company spread. */
  const fail = (what: unknown, retryAfter?: string | null) => {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++);
    notBefore = performance.now() + patienceOf(retryAfter) + Math.random() * longest;
    (failures === LASTING_FAILURES ? warn : debug)('kept for later', what);
    schedule();
  };

  /** Something in the batch is not taken: it gets smaller and smaller, until the event in question stands alone. */
  const refuse = (batch: string[], what: unknown) => {
    maxEvents = batch.length >> 1 || 1;
    if (batch.length > 1) return;
    warn('dropped', read(batch[0]!), what);
    batch.forEach(erase);
  };

  /** Sends the first of these events; says whether to go on at once. */
  const send = async (to: Access, names: string[]): Promise<boolean> => {
    fresh = 0;
    const batch = takeBatch(names.slice(0, maxEvents));
    if (!batch.length) return false;
    batch.forEach((name) => inFlight.add(name));
    try {
      // The browser's limit holds for all requests of the portal together, and one beyond it fails at once: after a
      // failure it is not relied on.
      const [isDone, status, what, retryAfter] = await post(to.address, bodyOf(batch), !failures, to.token);
      refused = status === 401 ? to.token : undefined;
      if (isDone) {
        batch.forEach(erase);
        maxEvents = MAX_BATCH_EVENTS;
        failures = 0;
        debug('sent', batch.length, what);
        return due(to).length >= settings.batchSize;
      }
      // Another token is asked for: once at once.
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
      // Asked anew each time: the portal renews tokens, and nobody's events may go out under somebody else's.
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

  addEventListener('online', () => {
    failures = notBefore = 0;
    void flush();
  });
  // What the last visit left goes first; until somebody has signed in this waits.
  void flush();
  return {
    add(id, user, text) {
      queue.add(queue.nameOf(id, user), text);
      announce();
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

/** The first of the events named, as many as fit; one that is too large for any request goes alone. */
function takeBatch(names: string[]): string[] {
  let bytes = 0;
  const end = names.findIndex((name) => (bytes += new Blob([read(name)!, ',']).size) > MAX_BATCH_BYTES);
  return end < 0 ? names : names.slice(0, end || 1);
}

function bodyOf(names: string[]): string {
  // The service corrects the times of the events by its own clock.
  return `{"sentAt":"${new Date().toISOString()}","events":[${names.map(read).filter(Boolean)}]}`;
}

/** Milliseconds that a `Retry-After` asks for. */
function patienceOf(retryAfter?: string | null): number {
  const asked = Number(retryAfter) * 1_000 || Date.parse(retryAfter ?? '') - Date.now() || 0;
  return Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, asked));
}
