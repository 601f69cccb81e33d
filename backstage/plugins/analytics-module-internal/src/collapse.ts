import { type Moment, pathOf } from './moment';

/** Navigations to one path that follow each other this closely are one. */
export const NAVIGATION_MS = 1_000;
/** A search that goes on typing the one before it within this time takes its place. */
export const SEARCH_MS = 2_000;

/** Finds the navigations and searches that the portal repeats. The rule for `signIn` is with the sessions. */
export interface Repetitions {
  /** The moment before `next` whose place `next` takes; undefined when `next` repeats nothing. */
  repeatedBy(next: Moment): Moment | undefined;
  /** Whether the moment `id` may still be replaced. */
  isOpen(id: string): boolean;
}

/** `collapse` names the actions of which repetitions are found. */
export function createRepetitions(collapse: string[]): Repetitions {
  let navigation: Moment | undefined;
  let search: Moment | undefined;
  return {
    repeatedBy(next) {
      const isNavigation = next.action === 'navigate';
      const isSearch = next.action === 'search';
      const last = isNavigation ? navigation : isSearch && search;
      // A page that writes what is typed into its address does not end the typing. All else that somebody does ends it.
      if (!isNavigation || (last && pathOf(last.subject) !== pathOf(next.subject))) search = undefined;
      if (isNavigation) navigation = next;
      if (isSearch) search = next;
      if (!collapse.includes(next.action)) return undefined;
      next.openUntil = Date.now() + SEARCH_MS;
      return last && (isNavigation ? isSameNavigation : isSameSearch)(last, next) ? last : undefined;
    },
    isOpen: (id) =>
      [navigation, search].some((moment) => moment?.id === id && moment.openUntil! > Date.now()),
  };
}

/**
 * Whether both are one navigation: to the same path, whatever the query and fragment, within a second. What the root of
 * the new frontend system reports of a page load, before it knows the page, is the same as what that page reports then,
 * however long the sign-in took between them.
 */
export function isSameNavigation(earlier: Moment, later: Moment): boolean {
  return (
    pathOf(earlier.subject) === pathOf(later.subject) &&
    (earlier.isOfRoot || later.at - earlier.at < NAVIGATION_MS)
  );
}

/** Whether the later search is the earlier one typed on, taken back a little, or asked again, within two seconds. */
export function isSameSearch(earlier: Moment, later: Moment): boolean {
  const [before, after] = [earlier.subject, later.subject];
  const isTyping = after.startsWith(before) || (after !== '' && before.startsWith(after));
  return isTyping && later.at - earlier.at < SEARCH_MS;
}
