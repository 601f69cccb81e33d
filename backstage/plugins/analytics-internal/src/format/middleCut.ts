/** How many characters at the end of a long text are never cut. */
const TAIL = 24;

/**
 * Split a text so that its middle can be cut: the head shrinks, the tail does not.
 *
 * The tail begins at a slash if one is near: the last segment tells two paths apart.
 */
export function splitForMiddleCut(text: string): { head: string; tail: string } {
  const short = text.startsWith('/') ? TAIL / 2 : TAIL * 1.5;
  if (text.length <= short) return { head: text, tail: '' };
  const latest = Math.max(0, text.length - TAIL);
  const slash = text.indexOf('/', Math.max(1, latest));
  const cut = slash > 0 && slash < text.length - 6 ? slash : latest;
  return cut === 0 ? { head: text, tail: '' } : { head: text.slice(0, cut), tail: text.slice(cut) };
}
