/** A name with more than a third of its letters wrong is no misspelling. */
const MOST_WRONG = 1 / 3;

/** The one of `names` that `name` probably misspells, or undefined. Case, `_` and `-` do not matter. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[_-]/g, '');
  const [best] = names
    .map((known) => ({ known, wrong: edits(plain(name), plain(known)) }))
    .sort((one, other) => one.wrong - other.wrong);
  return best !== undefined && best.wrong <= best.known.length * MOST_WRONG ? best.known : undefined;
}

/** The Levenshtein distance: how many letters must be inserted, deleted or replaced. */
function edits(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, replaced));
    }
    row = next;
  }
  return row[other.length]!;
}
