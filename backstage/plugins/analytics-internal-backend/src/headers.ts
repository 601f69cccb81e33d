import { Request, Response } from 'express';
import { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

// They speak of one connection, not of what is sent through it (RFC 9110, 7.6.1).
const OF_ONE_CONNECTION = [
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
// The host is the service's own; this backend has answered `Expect` already; the portal's cookies open its sessions,
// and the service needs a token only.
const NOT_FOR_THE_SERVICE = ['host', 'expect', 'cookie'];
// Whatever a client calls a matter of its connection: without the length of a body the service would take the body
// for the next request of the connection, which others use too.
const OF_WHAT_IS_SENT = 'content-length';

/** The headers with which a client's request goes on to the service. */
export function requestHeaders(request: Request): OutgoingHttpHeaders {
  const { headers, headersDistinct, socket } = request;
  const left = passedOn(headers, headersDistinct, NOT_FOR_THE_SERVICE);
  const forwardedFor = [headers['x-forwarded-for'], socket.remoteAddress].filter(Boolean).join(', ');
  const forwardedHost = headers['x-forwarded-host'] ?? headers.host; // HTTP/1.0 need not have one
  return {
    ...left,
    ...(headers['transfer-encoding'] && { 'transfer-encoding': 'chunked' }),
    'x-forwarded-for': forwardedFor,
    ...(forwardedHost !== undefined && { 'x-forwarded-host': forwardedHost }),
    'x-forwarded-proto': headers['x-forwarded-proto'] ?? request.protocol,
  };
}

/** Give the client the headers of the service's answer; what the backend has set stays where the service says nothing. */
export function setResponseHeaders(answer: IncomingMessage, response: Response) {
  for (const [name, values] of Object.entries(passedOn(answer.headers, answer.headersDistinct, []))) {
    if (name === 'vary') {
      // By both: the backend's cross-origin answers vary by origin, the service's by encoding.
      response.vary(values.join(', '));
    } else {
      response.setHeader(name, values.length === 1 ? values[0]! : values);
    }
  }
}

function passedOn(
  headers: IncomingHttpHeaders,
  distinct: NodeJS.Dict<string[]>,
  besides: string[],
): Record<string, string[]> {
  const named = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/);
  const left = new Set([...OF_ONE_CONNECTION, ...besides, ...named]);
  left.delete(OF_WHAT_IS_SENT);
  return Object.fromEntries(
    Object.entries(distinct).flatMap(([name, values]) => (values && !left.has(name) ? [[name, values]] : [])),
  );
}
