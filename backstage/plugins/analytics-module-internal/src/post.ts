/** A request without an answer for so long has failed. */
export const TIMEOUT_MS = 30_000;

/**
 * The service's answer: whether it has a verdict for every event, which is then in the place of the reason; the HTTP
 * status; and how long it asks to be left alone, in seconds or until a date (RFC 9110).
 */
export type Answer = [isDone: boolean, status: number, reason: unknown, retryAfter?: string | null];

/** Sends a body. `outlivesPage` lets the browser finish that when the page is left. Rejects when there is no answer. */
export async function post(
  address: string,
  body: string,
  outlivesPage: boolean,
  token?: string,
): Promise<Answer> {
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body,
    keepalive: outlivesPage,
    signal: AbortSignal.timeout?.(TIMEOUT_MS),
  });
  const { ok, status, headers } = response;
  // Its own word counts: the sign-in page of some proxy may answer 200 as well.
  const { success, results } = ok ? await response.json() : {};
  return [success === true, status, results ?? `${address} answered ${status}`, headers.get('Retry-After')];
}
