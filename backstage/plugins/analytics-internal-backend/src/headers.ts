import { Request, Response } from 'express';
import { IncomingMessage, OutgoingHttpHeaders } from 'node:http';

// RFC 9110, 7.6.1.
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
// The service has its own host. This backend has answered `Expect` already. Cookies open the portal's sessions; the
// service needs only a token.
const NOT_FOR_THE_SERVICE = ['host', 'expect', 'cookie'];

/** The headers of a client's request, as the service gets them. */
export function requestHeaders(request: Request): OutgoingHttpHeaders {
  const { headers, socket } = request;
  const forwardedFor = [headers['x-forwarded-for'], socket.remoteAddress].filter(Boolean).join(', ');
  const forwardedHost = headers['x-forwarded-host'] ?? headers.host; // HTTP/1.0 does not require one
  return {
    ...endToEndHeaders(request, NOT_FOR_THE_SERVICE),
    ...(headers['transfer-encoding'] && { 'transfer-encoding': 'chunked' }),
    'x-forwarded-for': forwardedFor,
    ...(forwardedHost !== undefined && { 'x-forwarded-host': forwardedHost }),
    'x-forwarded-proto': headers['x-forwarded-proto'] ?? request.protocol,
  };
}

/** Copy the headers of the service's answer. The backend's own headers stay if the service does not set them. */
export function setResponseHeaders(answer: IncomingMessage, response: Response) {
  for (const [name, values] of Object.entries(endToEndHeaders(answer))) {
    if (name === 'vary') {
      // Both count: the backend's answers vary by origin (CORS), the service's by encoding.
      response.vary(values.join(', '));
    } else {
      response.setHeader(name, values.length === 1 ? values[0]! : values);
    }
  }
}

function endToEndHeaders(
  { headers, headersDistinct }: IncomingMessage,
  besides: string[] = [],
): Record<string, string[]> {
  const named = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/);
  const left = new Set([...HOP_BY_HOP, ...besides, ...named]);
  // Kept even if `Connection` names it. Without it the service would read the body as the next request, of somebody
  // else: request smuggling.
  left.delete('content-length');
  return Object.fromEntries(
    Object.entries(headersDistinct).flatMap(([name, values]) =>
      values && !left.has(name) ? [[name, values]] : [],
    ),
  );
}
