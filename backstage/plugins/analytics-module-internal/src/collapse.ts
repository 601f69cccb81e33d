import { type Moment } from './moment';

/** Navigations to the same path within this time count once. */
export const NAVIGATION_MS = 1_000;
/** A search that continues the one before it within this time replaces it. */
export const SEARCH_MS = 2_000;

/** A page load that goes on to another page is waited for so long. */
const LOAD_MS = 10_000;

/** Finds repeated navigations and searches, and redirects. The rule for `signIn` is in `capture.ts`. */
export interface Repetitions {
  /** The earlier moment that `next` replaces, or undefined. */
  repeatedBy(next: Moment): Moment | undefined;
  /** Whether the moment `id` may still be replaced. */
  isOpen(id: string): boolean;
}

/** `collapse` lists the actions whose repetitions are found. */
export function createRepetitions(collapse: string[]): Repetitions {
  let navigation: Moment | undefined;
  let search: Moment | undefined;
  /** The last moment, sign-ins aside. */
  let latest: Moment | undefined;
  return {
    repeatedBy(next) {
      const isNavigation = next.action === 'navigate';
      const isSearch = next.action === 'search';
      const last = isNavigation ? navigation : isSearch && search;
      const isInBetween = last !== latest;
      // A page may write the typed text into its own address: that does not end a search. Any other event does.
      if (!isNavigation || (last && last.path !== next.path)) search = undefined;
      if (isNavigation) navigation = next;
      if (isSearch) search = next;
      if (next.action !== 'signIn') latest = next;

      const findsRepetitions = collapse.includes(next.action);
      const findsRedirects = isNavigation && collapse.includes('redirect');
      if (findsRepetitions || findsRedirects) {
        next.openUntil = Date.now() + (next.isEarly ? LOAD_MS : SEARCH_MS);
      }
      if (!last) return undefined;
      const isRepetition = findsRepetitions && (isSearch ? isSameSearch : isSameNavigation)(last, next);
      return isRepetition || (findsRedirects && !isInBetween && isRedirect(last, next)) ? last : undefined;
    },
    isOpen: (id) =>
      [navigation, search].some((moment) => moment?.id === id && moment.openUntil! > Date.now()),
  };
}

/**
 * Whether both are one navigation: to the same path within a second. Query and fragment do not count. On a page load
 * the new frontend system's root reports a navigation, and then the page reports it again: these are one, however
 * long the sign-in between them took.
 */
export function isSameNavigation(earlier: Moment, later: Moment): boolean {
  return (
    earlier.path === later.path &&
    ((earlier.isEarly && earlier.isOfRoot) || later.at - earlier.at < NAVIGATION_MS)
  );
}

/**
 * Whether the portal itself went on to another path: nothing was done since the earlier navigation, less than a second
 * ago. Before the sign-in nobody sees a page, so of a navigation before it the time does not count, and neither does
 * the path.
 */
export function isRedirect(earlier: Moment, later: Moment): boolean {
  return (
    !later.isAsked &&
    (earlier.isEarly || (earlier.path !== later.path && later.at - earlier.at < NAVIGATION_MS))
  );
}

/** Whether the later search continues, shortens or repeats the earlier one within two seconds. */
export function isSameSearch(earlier: Moment, later: Moment): boolean {
  const [before, after] = [earlier.subject, later.subject];
  const isTyping = after.startsWith(before) || (after !== '' && before.startsWith(after));
  return isTyping && later.at - earlier.at < SEARCH_MS;
}
