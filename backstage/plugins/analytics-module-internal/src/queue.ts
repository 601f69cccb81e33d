import { timeOf, uuid7 } from './ids';
import { erase, names, read, write } from './storage';
import { type Tell } from './tell';

const PREFIX = 'analytics-internal.event:';
const ID_END = PREFIX.length + 36;
const TAB_LENGTH = 12;
const TAB_END = ID_END + TAB_LENGTH;

/** Limits for one browser: all tabs and people together. The oldest events are dropped first. */
export const MAX_EVENTS = 2_000;
export const MAX_CHARACTERS = 1_000_000;
/** The service accepts no older events. */
export const MAX_AGE_MS = 7 * 24 * 60 * 60_000;
/** The limits are checked after so many events. */
const CHECK_EVERY = 50;
/** Without Web Locks (a portal without TLS) no tab knows which tabs are open. Any tab sends events of this age. */
const ABANDONED_MS = 60_000;

/**
 * The events that wait to be sent. Each is stored as a text, named by time, tab and person. The tab that captured an
 * event sends it. If that tab is gone, the first other tab of the same person does.
 */
export interface EventQueue {
  /** The name under which this tab stores the event `id` of `user`. */
  nameOf(id: string, user: string): string;
  add(name: string, text: string): void;
  /** Names of the events that this tab has to send for `user`, oldest first. Claims those of the user's other tabs. */
  waitingFor(user: string): string[];
}

/**
 * `onInherit` is called when this tab takes over the events of a tab that is gone, `debug` when events are dropped.
 */
export function createQueue(onInherit: () => void, debug: Tell): EventQueue {
  const ownTab = uuid7(Date.now()).slice(-TAB_LENGTH);
  /** The tabs whose events we claim. True: the events are ours. */
  const claims = new Map<string, boolean>();
  let added = 0;

  /** Takes over a tab's events as soon as that tab is gone. Until then it has the browser's lock. */
  const claim = (tab: string) => {
    if (claims.has(tab)) return;
    claims.set(tab, tab === ownTab);
    const inherit = () => {
      claims.set(tab, true);
      if (tab !== ownTab) onInherit();
      return new Promise(() => {}); // the lock is held until this tab is gone
    };
    navigator.locks?.request(`analytics-internal.tab:${tab}`, inherit).catch(() => {});
  };

  /** Removes the oldest events beyond the limits, and those that are too old for the service. */
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

  // Before the first event is stored, so that other tabs never believe that this one is gone.
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

/** The id of the event that is stored under `name`. */
export function idOf(name: string): string {
  return name.slice(PREFIX.length, ID_END);
}

function tabOf(name: string): string {
  return name.slice(ID_END, TAB_END);
}

function ageOf(name: string): number {
  return Date.now() - timeOf(idOf(name));
}

/** Oldest first, because ids sort by time. */
function eventNames(): string[] {
  return names()
    .filter((name) => name.startsWith(PREFIX))
    .sort();
}
