import { createAccess, type Portal } from './access';
import { createRepetitions } from './collapse';
import { createDelivery } from './delivery';
import { createEngagement } from './engagement';
import { shareOf } from './ids';
import { type CapturedEvent, momentOf, type Moment } from './moment';
import { selectionOf } from './selection';
import { listen } from './listen';
import { joinSession } from './session';
import { type Settings } from './settings';
import { attempt, isOptedOut } from './storage';
import { debug, type Tell } from './tell';

const HELD = 'analytics-internal.held';
/** How many events are held before somebody has signed in. The oldest are dropped first. */
const MAX_HELD = 500;
/** What somebody does to go to another page. */
const ACTS = 'pointerdown keydown click popstate';

/**
 * Captures one event. When this returns, the event is stored in the browser if the user is already known.
 *
 * Throws when the event cannot be written as JSON.
 */
export type Capture = (event: CapturedEvent) => void;

/**
 * Starts to capture events and to send them to the service, even if that takes long or the page is closed.
 *
 * This package keeps state in function variables and not in classes: everybody who opens the portal loads it, and
 * field names are not minified.
 */
export function startCapture(settings: Settings, portal: Portal): Capture {
  const tellMore: Tell = settings.debug ? debug : () => {};
  const isSelected = selectionOf(settings);
  const repetitions = createRepetitions(settings.collapse);
  const accessOf = createAccess(portal, settings.host);
  const delivery = createDelivery(settings, repetitions.isOpen, identify, tellMore);
  /** Events from before the user was known, also those of an earlier page in the same tab. */
  const held: Moment[] = attempt(() => JSON.parse(sessionStorage[HELD])) ?? [];
  const engagement = settings.engagement ? createEngagement(delivery) : undefined;
  let user: string | undefined;
  /** The last thing that was done since the last navigation, and where. Before the sign-in that is the sign-in. */
  let act = '';
  let place = '';

  /** Queues a moment of `owner`, unless it is sampled out or only repeats another. */
  function admit(moment: Moment, owner: string) {
    // A failed sign-in is no repetition, if the portal reports it at all.
    const signsIn = moment.action === 'signIn' && moment.subject === 'success';
    const session = joinSession(owner, moment.at, signsIn);
    if (shareOf(session.id) >= settings.sampling) moment.text = '';
    const repeated = repetitions.repeatedBy(moment);
    // A navigation that was sent already counts for both. Of a search, the last one counts.
    const isReplaced = repeated && delivery.takeBack(repeated.id, owner);
    const rest = JSON.stringify({ sessionId: session.id, user: owner }).slice(1);
    const text = moment.text && `${moment.text},${rest}`;
    if (moment.action === 'navigate') {
      engagement?.open(moment.path, text, isReplaced);
      if (repeated?.text && repeated.path === moment.path && !isReplaced) return;
    }
    if (!text || (signsIn && session.isKnown && settings.collapse.includes('signIn'))) return;
    delivery.add(moment.id, owner, text);
  }

  async function identify(refused?: string) {
    const access = await accessOf(refused);
    user = access.user;
    for (const moment of held.splice(0)) admit(moment, user);
    attempt(() => delete sessionStorage[HELD]);
    return access;
  }

  /** `isGone`: the page is left, and not only hidden. */
  function leave(isGone?: boolean) {
    engagement?.leave(isGone);
    if (user) delivery.leave();
    // Sign-in may leave the page for a provider's. Not localStorage: in another tab another person may sign in.
    else attempt(() => (sessionStorage[HELD] = JSON.stringify(held)));
  }

  listen('pagehide', () => leave(true));
  listen('visibilitychange', () => document.hidden && leave());
  listen(ACTS, ({ type }) => {
    act = user ? type : '';
    place = location.pathname;
  });
  return (event) => {
    if (isOptedOut()) return;
    const moment = momentOf(event, Date.now(), settings.environment);
    // An excluded event still replaces the one it repeats: the new system's root reports it without its plugin.
    if (!isSelected(event)) moment.text = '';
    moment.isEarly = !user;
    if (event.action === 'navigate') {
      moment.isAsked = act !== '';
      // Backstage reports some pages late, with the navigation that ends them: that one is asked for, too.
      const isLate = act && moment.path && place.endsWith(moment.path) === (act !== 'popstate');
      if (!isLate) act = '';
    }
    if (user) {
      admit(moment, user);
    } else if (held.push(moment) > MAX_HELD) held.shift();
    // Some events come when the page is left or hidden, when timers run rarely or never.
    if (document.hidden) queueMicrotask(() => leave());
  };
}
