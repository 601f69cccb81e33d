import { uuid7 } from './ids';
import { read, write } from './storage';

/** A person who does nothing for so long has left; what comes next is another session. */
export const SESSION_IDLE_MS = 30 * 60_000;
/** So exactly the time of the last event is kept: writing costs more than all else that is done with an event. */
export const KEPT_EXACTLY_MS = 10_000;

/**
 * The session that `user` is in at the time `at`, the same in all tabs of the browser. It goes on from there. `isKnown`
 * says whether its sign-in was seen before; `signsIn` that it is seen now.
 */
export function joinSession(user: string, at: number, signsIn: boolean): { id: string; isKnown: boolean } {
  const name = `analytics-internal.session:${user}`;
  const kept = read(name) ?? '';
  const [lastId = '', seen, lastSignedIn = ''] = kept.split(' ');
  // The distance, not the order: a clock that was set back must not keep a session going for ever.
  const goesOn = Math.abs(at - Number(seen)) < SESSION_IDLE_MS;
  const [id, signedIn] = goesOn ? [lastId, lastSignedIn] : [uuid7(at), ''];
  const next = `${id} ${at - (at % KEPT_EXACTLY_MS)} ${signsIn ? 1 : signedIn}`;
  if (next !== kept) write(name, next);
  return { id, isKnown: Boolean(signedIn) };
}
