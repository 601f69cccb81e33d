let lastMs = 0;
let counter = 0;

/**
 * A UUID of version 7 (RFC 9562) with the time `at` in milliseconds. Within a page each id sorts after all earlier
 * ones, even if the clock is set back. Everything but time and counter is random.
 */
export function uuid7(at: number): string {
  counter++;
  if (at > lastMs || counter > 0xfff) {
    lastMs = Math.max(at, lastMs + 1);
    counter = 0;
  }
  // Not crypto.randomUUID: it is missing on portals without TLS.
  const [first = 0, second = 0] = crypto.getRandomValues(new Uint32Array(2));
  const digits =
    hex(lastMs, 12) + hex(0x7000 + counter, 4) + hex(2 ** 31 + (first >>> 2), 8) + hex(second, 8);
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The time in a UUID of version 7, in milliseconds. */
export function timeOf(id: string): number {
  return parseInt(id.replace('-', ''), 16);
}

/** A number from 0 to 1 (exclusive) that depends only on the random end of `id`. */
export function shareOf(id: string): number {
  return parseInt(id.slice(-8), 16) / 2 ** 32;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
