/** What is asked of the service about its destinations; `schema.ts` is generated from its structs. */
import type { Schemas } from './schemas';

/**
 * One place that events are forwarded to, and how far it is.
 *
 * @public
 */
export type Destination = Schemas['Destination'];

/** What a destination does at the moment. @public */
export type DestinationState = Destination['state'];

/** Why the last attempt failed. @public */
export type LastError = Schemas['LastError'];

/** A range of the log that is delivered once more. @public */
export type Replay = Schemas['Replay'];

/** An event that could not be delivered. @public */
export type DeadLetter = Schemas['DeadLetter'];

/** A page of dead letters, by position. @public */
export type DeadLetters = Schemas['DeadLetters'];

/**
 * Which dead letters: all, or those at these positions.
 *
 * @public
 */
export type WhichDeadLetters = Schemas['Discard']['dead_letters'];

/**
 * What is to be sent once more.
 *
 * @public
 */
export type ReplayRequest = Schemas['ReplayDeadLetters' | 'ReplayPositions' | 'ReplayTimes'];

/** What was queued to be sent once more. @public */
export type Queued = Schemas['Queued'];

/** What became of a test event. @public */
export type TestResult = Schemas['TestResult'];

/**
 * The destinations of the service. Everything here needs the permission `analytics-internal.admin`.
 *
 * @public
 */
export interface DestinationsClient {
  /** Every destination that is configured or has ever been, by name. */
  list(signal?: AbortSignal): Promise<Destination[]>;
  /** Deliver nothing until it is resumed. */
  pause(name: string): Promise<Destination>;
  /** Deliver again, also after the receiver asked for no more. */
  resume(name: string): Promise<Destination>;
  /** Send a test event, which is not stored. */
  test(name: string): Promise<TestResult>;
  /** Send dead letters or a range of the log once more, beside what is new. */
  replay(name: string, what: ReplayRequest): Promise<Queued>;
  /** Send nothing more of what was to be sent once more; returns how many ranges that were. */
  cancelReplays(name: string): Promise<number>;
  /** A page of the events that could not be delivered; `cursor`: the `next_cursor` of the page before. */
  deadLetters(name: string, cursor: number | null, signal?: AbortSignal): Promise<DeadLetters>;
  /** Forget dead letters; returns how many. */
  discard(name: string, which: WhichDeadLetters): Promise<number>;
}

/** Dead letters of one page. */
export const DEAD_LETTERS_OF_A_PAGE = 25;

/** The part of a client that is about destinations. `ask` rejects where the answer is not OK. */
export function createDestinationsClient(
  ask: (path: string, init: RequestInit) => Promise<Response>,
): DestinationsClient {
  async function json<T>(path: string, init: RequestInit = {}): Promise<T> {
    const headers = { accept: 'application/json', ...init.headers };
    return (await (await ask(`/destinations${path}`, { ...init, headers })).json()) as T;
  }

  function post<T>(name: string, action: string, body?: object): Promise<T> {
    return json(`/${encodeURIComponent(name)}/${action}`, {
      method: 'POST',
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  }

  return {
    list: async (signal) =>
      (await json<Schemas['Destinations']>('', { signal: signal ?? null })).destinations,
    pause: (name) => post(name, 'pause'),
    resume: (name) => post(name, 'resume'),
    test: (name) => post(name, 'test'),
    replay: (name, what) => post(name, 'replay', what),
    cancelReplays: async (name) => (await post<Schemas['Cancelled']>(name, 'cancel-replays')).replays,
    deadLetters: (name, cursor, signal) => {
      const page = new URLSearchParams({ limit: String(DEAD_LETTERS_OF_A_PAGE) });
      if (cursor !== null) page.set('cursor', String(cursor));
      return json(`/${encodeURIComponent(name)}/dead-letters?${page}`, { signal: signal ?? null });
    },
    discard: async (name, which) =>
      (await post<Schemas['Discarded']>(name, 'discard', { dead_letters: which })).dead_letters,
  };
}
