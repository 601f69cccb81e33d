import { createAccess, type Portal } from './access';
import { createRepetitions } from './collapse';
import { createDelivery } from './delivery';
import { shareOf } from './ids';
import { type CapturedEvent, momentOf, type Moment } from './moment';
import { selectionOf } from './selection';
import { joinSession } from './session';
import { type Settings } from './settings';
import { attempt, read } from './storage';
import { debug, type Tell } from './tell';

const HELD = 'analytics-internal.held';
/** More than this a page does not report before somebody has signed in; the oldest go first. */
const MAX_HELD = 500;

/**
 * Takes one event. Once it is known who is signed in, the event is stored in the browser when this returns.
 *
 * Throws when the event cannot be written as JSON.
 */
export type Capture = (event: CapturedEvent) => void;

/**
 * Begins to take events, and brings each to the service: however long that takes, and whatever becomes of the page.
 *
 * Here and in what it is made of, state is in the variables of functions: names of a class's fields survive minifying,
 * and this is loaded by everybody who opens the portal.
 */
export function startCapture(settings: Settings, portal: Portal): Capture {
  const tellMore: Tell = settings.debug ? debug : () => {};
  const isSelected = selectionOf(settings);
  const repetitions = createRepetitions(settings.collapse);
  const accessOf = createAccess(portal, settings.host);
  const delivery = createDelivery(settings, repetitions.isOpen, identify, tellMore);
  /** What came before it is known who is signed in, and was kept by a page before this one in the same tab. */
  const held: Moment[] = attempt(() => JSON.parse(sessionStorage[HELD])) ?? [];
  let user: string | undefined;

  /** Puts a moment of `owner` among what waits to be sent, unless it is sampled out or only repeats another. */
  function admit(moment: Moment, owner: string) {
    // Failed attempts, should the portal report them, are no repetitions.
    const signsIn = moment.action === 'signIn' && moment.subject === 'success';
    const session = joinSession(owner, moment.at, signsIn);
    if (shareOf(session.id) >= settings.sampling) return;
    const repeated = repetitions.repeatedBy(moment);
    // What is sent already stands for both navigations; of a search the last words count.
    const isReplaced = repeated && delivery.takeBack(repeated.id, owner);
    const isSecondNavigation = repeated && !isReplaced && moment.action === 'navigate';
    if (!moment.text || isSecondNavigation) return;
    if (signsIn && session.isKnown && settings.collapse.includes('signIn')) return;
    const rest = JSON.stringify({ sessionId: session.id, user: owner }).slice(1);
    delivery.add(moment.id, owner, `${moment.text},${rest}`);
  }

  async function identify(refused?: string) {
    const access = await accessOf(refused);
    user = access.user;
    for (const moment of held.splice(0)) admit(moment, user);
    attempt(() => delete sessionStorage[HELD]);
    return access;
  }

  function leave() {
    if (user) delivery.leave();
    // Signing in may lead over the pages of a provider. In other tabs somebody else may sign in.
    else attempt(() => (sessionStorage[HELD] = JSON.stringify(held)));
  }

  addEventListener('pagehide', leave);
  addEventListener('visibilitychange', () => document.hidden && leave());
  return (event) => {
    if (read('analytics-internal.opt-out') === 'true') return;
    const moment = momentOf(event, Date.now(), settings.environment);
    // What is left out still takes the place of what it repeats: the root of the new system knows no plugin to leave out.
    if (!isSelected(event)) moment.text = '';
    if (user) {
      moment.isOfRoot = false;
      admit(moment, user);
    } else if (held.push(moment) > MAX_HELD) held.shift();
    // A page that is being left gets no more timers, a hidden one few. Some things are reported as late as that.
    if (document.hidden) queueMicrotask(leave);
  };
}
