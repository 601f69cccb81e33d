/** After this time without an answer a request has failed. */
export const TIMEOUT_MS = 30_000;

/**
 * The service's answer. If `isDone`, `reason` has the verdicts of all events. `retryAfter` is in seconds or a date
 * (RFC 9110).
 */
export type Answer = [isDone: boolean, status: number, reason: unknown, retryAfter?: string | null];

/**
 * Sends a body. `outlivesPage`: the browser finishes the request even if the page is left. Rejects without an answer.
 */
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
  // The status alone is not enough: a proxy's sign-in page may answer 200 too.
  const { success, results } = ok ? await response.json() : {};
  return [success === true, status, results ?? `${address} answered ${status}`, headers.get('Retry-After')];
}
