let lastMs = 0;
let counter = 0;

/**
 * A UUID of version 7 (RFC 9562) with the time `at` in milliseconds. Within a page each one sorts after those made
 * before it, also when the clock is set back; all but time and counter is random.
 */
export function uuid7(at: number): string {
  counter++;
  if (at > lastMs || counter > 0xfff) {
    lastMs = Math.max(at, lastMs + 1);
    counter = 0;
  }
  // crypto.randomUUID is missing on portals without TLS; this is not.
  const [first = 0, second = 0] = crypto.getRandomValues(new Uint32Array(2));
  const digits =
    hex(lastMs, 12) + hex(0x7000 + counter, 4) + hex(2 ** 31 + (first >>> 2), 8) + hex(second, 8);
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The time in a UUID of version 7, in milliseconds. */
export function timeOf(id: string): number {
  return parseInt(id.replace('-', ''), 16);
}

/** A number from 0 up to 1 that depends on the random end of `id` alone. */
export function shareOf(id: string): number {
  return parseInt(id.slice(-8), 16) / 2 ** 32;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
