/** The path under which the service answers, wherever it is. */
export const API_PATH = '/api/analytics-internal';

/** Where the service answers, without the path of its API; or why it does not just now. */
export type Upstream = { url: string } | { unavailable: string; retryAfterSeconds: number };
