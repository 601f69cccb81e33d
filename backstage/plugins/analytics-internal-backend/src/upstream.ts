/** The path of the service's API, below its address. */
export const API_PATH = '/api/analytics-internal';

/** The service's address without the path of its API, or why there is none at the moment. */
export type Upstream = { url: string } | { unavailable: string; retryAfterSeconds: number };
