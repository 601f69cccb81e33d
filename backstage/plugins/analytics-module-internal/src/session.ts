import { uuid7 } from './ids';
import { read, write } from './storage';

/** After this time without an event a new session begins. */
export const SESSION_IDLE_MS = 30 * 60_000;
/** The time of the last event is stored with this precision, because each write is slow. */
export const KEPT_EXACTLY_MS = 10_000;

/**
 * The session of `user` at the time `at`, the same in all tabs of the browser. The call prolongs it. `isKnown`: an
 * earlier event was its sign-in. `signsIn`: this event is one.
 */
export function joinSession(user: string, at: number, signsIn: boolean): { id: string; isKnown: boolean } {
  const name = `analytics-internal.session:${user}`;
  const kept = read(name) ?? '';
  const [lastId = '', seen, lastSignedIn = ''] = kept.split(' ');
  // Absolute, so that a clock that was set back does not prolong a session for ever.
  const goesOn = Math.abs(at - Number(seen)) < SESSION_IDLE_MS;
  const [id, signedIn] = goesOn ? [lastId, lastSignedIn] : [uuid7(at), ''];
  const next = `${id} ${at - (at % KEPT_EXACTLY_MS)} ${signsIn ? 1 : signedIn}`;
  if (next !== kept) write(name, next);
  return { id, isKnown: Boolean(signedIn) };
}
