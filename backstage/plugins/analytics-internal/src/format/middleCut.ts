/** What stays readable at the end of a long path. */
const TAIL = 24;

/**
 * Split a text so that the middle can give way: the head shrinks, the tail never does.
 *
 * The tail begins at a slash where one is near, since the last segment is what tells two paths apart.
 */
export function splitForMiddleCut(text: string): { head: string; tail: string } {
  if (text.length <= TAIL * 1.5) return { head: text, tail: '' };
  const slash = text.indexOf('/', text.length - TAIL);
  const cut = slash > 0 && slash < text.length - 6 ? slash : text.length - TAIL;
  return { head: text.slice(0, cut), tail: text.slice(cut) };
}
