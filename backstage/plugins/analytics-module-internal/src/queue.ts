import { timeOf, uuid7 } from './ids';
import { erase, names, read, write } from './storage';
import { type Tell } from './tell';

const PREFIX = 'analytics-internal.event:';
const ID_END = PREFIX.length + 36;
const TAB_LENGTH = 12;
const TAB_END = ID_END + TAB_LENGTH;

/** Limits of what waits in one browser, of all tabs and people together; the oldest go first. */
export const MAX_EVENTS = 2_000;
export const MAX_CHARACTERS = 1_000_000;
/** The service takes nothing older. */
export const MAX_AGE_MS = 7 * 24 * 60 * 60_000;
/** How many events may come before the limits are looked at again. */
const CHECK_EVERY = 50;
/** Without Web Locks (a portal without TLS) nobody knows which tabs live; events as old as this are anybody's. */
const ABANDONED_MS = 60_000;

/**
 * The events that wait to be sent, each a stored text, named by time, tab and person. An event is sent by the tab that
 * captured it; when that tab is gone, by the first other one of the same person.
 */
export interface EventQueue {
  /** The name under which this tab keeps the event `id` of `user`. */
  nameOf(id: string, user: string): string;
  add(name: string, text: string): void;
  /** Names of what this tab has to send for `user`, oldest first. Claims what other tabs will leave. */
  waitingFor(user: string): string[];
}

/**
 * `onInherit` is called when the events of a tab that is gone become this tab's, `debug` when events are dropped.
 */
export function createQueue(onInherit: () => void, debug: Tell): EventQueue {
  const ownTab = uuid7(Date.now()).slice(-TAB_LENGTH);
  /** The tabs whose events we claim; true when they are ours. */
  const claims = new Map<string, boolean>();
  let added = 0;

  /** Makes a tab's events ours as soon as that tab is gone: the browser gives its lock to nobody before. */
  const claim = (tab: string) => {
    if (claims.has(tab)) return;
    claims.set(tab, tab === ownTab);
    const inherit = () => {
      claims.set(tab, true);
      if (tab !== ownTab) onInherit();
      return new Promise(() => {}); // kept until this tab is gone itself
    };
    navigator.locks?.request(`analytics-internal.tab:${tab}`, inherit).catch(() => {});
  };

  /** Removes the oldest events beyond the limits, and those that the service would not take any more. */
  const dropOverflow = () => {
    let [events, characters, dropped] = [0, 0, 0];
    for (const name of eventNames().reverse()) {
      events++;
      characters += (name + read(name)).length;
      if (events > MAX_EVENTS || characters > MAX_CHARACTERS || ageOf(name) > MAX_AGE_MS) {
        erase(name);
        dropped++;
      }
    }
    if (dropped) debug('dropped the oldest', dropped);
  };

  // Before the first event is stored: no other tab can take this one for gone.
  claim(ownTab);
  dropOverflow();
  return {
    nameOf: (id, user) => PREFIX + id + ownTab + user,
    add(name, text) {
      write(name, text);
      if (++added % CHECK_EVERY === 0) dropOverflow();
    },
    waitingFor(user) {
      const theirs = eventNames().filter((name) => name.slice(TAB_END) === user);
      theirs.map(tabOf).forEach(claim);
      return theirs.filter(
        (name) => claims.get(tabOf(name)) || (!navigator.locks && ageOf(name) > ABANDONED_MS),
      );
    },
  };
}

/** The id of the event that is kept under `name`. */
export function idOf(name: string): string {
  return name.slice(PREFIX.length, ID_END);
}

function tabOf(name: string): string {
  return name.slice(ID_END, TAB_END);
}

function ageOf(name: string): number {
  return Date.now() - timeOf(idOf(name));
}

/** Oldest first: that is how ids sort. */
function eventNames(): string[] {
  return names()
    .filter((name) => name.startsWith(PREFIX))
    .sort();
}
