import { type Delivery } from './delivery';
import { uuid7 } from './ids';
import { listen } from './listen';
import { isOptedOut } from './storage';

/** After so long without activity the count pauses. The time until then counts. */
export const PAUSE_MS = 30_000;
/** Page views that were looked at for less are not sent. */
const LEAST_MS = 1_000;
/** What shows that somebody is there. A touch is a pointer, too. All but `scroll` leaves shadow roots. */
const ACTIVITIES = 'pointermove pointerdown keydown wheel scroll visibilitychange';

/** Counts the time in which a page is visible and its reader active, and queues one event for each page view. */
export interface Engagement {
  /**
   * A page is opened. `text` is its navigation as it is sent, or empty if its time must not be sent. `continues`: the
   * navigation replaces the one before, whose time is this page's.
   */
  open(path: string, text: string, continues?: boolean): void;
  /**
   * The page is hidden or, with `isGone`, left. Of a hidden page the time is kept in the browser, in case that it never
   * runs again, but not sent while it may come back. If a page comes back that was left, it begins from zero.
   */
  leave(isGone?: boolean): void;
}

/** Starts to count. */
export function createEngagement(delivery: Pick<Delivery, 'keep'>): Engagement {
  let page = '';
  let openPath: string | undefined;
  let engagedMs = 0;
  let id = '';
  /** When there was activity, by the clock that nobody sets. NaN while the page is hidden. */
  let seen = NaN;
  /** When time was counted, by the clock that people know. */
  let countedAt = 0;

  /** Adds two numbers, so it needs no throttle. */
  const count = () => {
    const now = performance.now();
    const ms = Math.min(now - seen, PAUSE_MS);
    if (ms) {
      engagedMs += ms;
      countedAt = Date.now();
    }
    seen = document.hidden ? NaN : now;
  };

  const leave = (isGone?: boolean) => {
    count();
    // Without Web Locks another tab would take a hidden one for gone, and send what is kept.
    if (page && engagedMs >= LEAST_MS && (isGone || navigator.locks) && !isOptedOut()) {
      id ||= uuid7(countedAt);
      const event = {
        ...JSON.parse(page),
        id,
        occurredAt: new Date(countedAt),
        action: 'engage',
        value: Math.round(engagedMs / 100) / 10,
      };
      delivery.keep(id, event.user, JSON.stringify(event), isGone);
    }
    if (isGone) {
      id = '';
      engagedMs = 0;
    }
  };

  listen(ACTIVITIES, count);
  return {
    open(path, text, continues) {
      if (!continues && path !== openPath) leave(true);
      openPath = path;
      page = text;
    },
    leave,
  };
}
