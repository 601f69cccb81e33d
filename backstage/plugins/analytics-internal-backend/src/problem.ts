import { Response } from 'express';

const TITLES = {
  400: ['invalid-path', 'The path cannot be forwarded'],
  503: ['service-unavailable', 'The analytics service is not available at the moment'],
  504: ['service-too-slow', 'The analytics service did not answer in time'],
} as const;

/** Answer with problem+json (RFC 9457), in the same form as the service's own problems. */
export function sendProblem(
  response: Response,
  status: keyof typeof TITLES,
  detail: string,
  retryAfterSeconds?: number,
) {
  const [kind, title] = TITLES[status];
  if (retryAfterSeconds !== undefined) {
    response.setHeader('Retry-After', String(Math.ceil(retryAfterSeconds)));
    // Without it, a portal on another origin than its backend cannot read the header.
    response.append('Access-Control-Expose-Headers', 'Retry-After');
  }
  response
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: `urn:analytics-internal:problem:${kind}`, title, status, detail }));
}
