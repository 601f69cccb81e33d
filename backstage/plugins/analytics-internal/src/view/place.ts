/**
 * A place in a long answer: the cursor, and the position of the question that it came from.
 *
 * The cursor belongs to exactly that question, so it is asked at that position even after the view's is renewed.
 */
export interface Place {
  cursor: string;
  position: number;
}

/** The place an address names; null, the first page, where it names none. */
export function readPlace(parameters: URLSearchParams): Place | null {
  const [, position, cursor] = /^(\d{1,15})\.(.+)$/.exec(parameters.get('cursor') ?? '') ?? [];
  return position !== undefined && cursor !== undefined ? { cursor, position: Number(position) } : null;
}

/** The place as an address names it: `1234.eyJmaW5n…`. */
export function writePlace({ cursor, position }: Place): string {
  return `${position}.${cursor}`;
}
