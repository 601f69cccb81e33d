/** A received event. */
export interface ReceivedEvent {
  id: string;
  occurredAt: string;
  action: string;
  subject: string;
  value?: number;
  attributes?: Record<string, unknown>;
  context: Record<string, unknown>;
  sessionId: string;
  user: string;
}

/** A received request. */
export interface ReceivedRequest {
  url: string;
  token: string | null;
  isOutliving: boolean;
  bytes: number;
  sentAt: string;
  events: ReceivedEvent[];
}

/** The answer to a request. Undefined: the events are stored and acknowledged. */
export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** The events are stored, but the answer is lost on the way. */
  isLost?: boolean;
}

/** The service's ingest route in place of `fetch`: it stores each id once, and answers like the service. */
export class FakeService {
  readonly requests: ReceivedRequest[] = [];
  readonly stored = new Map<string, ReceivedEvent>();
  /** Decides how to answer; may throw, as fetch does when there is no network, or never resolve. */
  reply: (request: ReceivedRequest) => Reply | undefined | Promise<Reply | undefined> = () => undefined;

  /** The sign-in providers' answers to a request for a new session, by address. Default: 404. */
  readonly sessions = new Map<string, () => unknown>();
  /** Requests for a session: address and options. */
  readonly renewals: [url: string, init: RequestInit][] = [];

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (!init.body) return this.renew(url, init);
    const body = String(init.body);
    const request: ReceivedRequest = {
      url,
      token: new Headers(init.headers).get('Authorization'),
      isOutliving: init.keepalive === true,
      bytes: new TextEncoder().encode(body).length,
      ...JSON.parse(body),
    };
    this.requests.push(request);
    const reply = (await Promise.race([this.reply(request), abortionOf(init.signal)])) ?? {};
    const { status = 200, headers = {}, isLost } = reply;
    const results = status === 200 && !reply.body ? request.events.map((event) => this.store(event)) : [];
    if (isLost) throw new TypeError('Failed to fetch');
    return {
      ok: status < 300,
      status,
      headers: new Headers(headers),
      json: async () => reply.body ?? { success: true, results },
    } as Response;
  };

  /** The stored events, in the order in which they happened. */
  get events(): ReceivedEvent[] {
    return [...this.stored.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** The subjects of all events but those with engaged time. */
  get subjects(): string[] {
    return this.events.filter(({ action }) => action !== 'engage').map(({ subject }) => subject);
  }

  /** The engaged times: subject and seconds. */
  get engaged(): [subject: string, seconds?: number][] {
    return this.events
      .filter(({ action }) => action === 'engage')
      .map(({ subject, value }) => [subject, value]);
  }

  /** All received ids, with repetitions. */
  get receivedIds(): string[] {
    return this.requests.flatMap(({ events }) => events.map(({ id }) => id));
  }

  private renew(url: string, init: RequestInit): Response {
    this.renewals.push([url, init]);
    const session = this.sessions.get(url);
    return { ok: Boolean(session), status: session ? 200 : 404, json: async () => session?.() } as Response;
  }

  private store(event: ReceivedEvent) {
    const status = this.stored.has(event.id) ? 'duplicate' : 'stored';
    if (status === 'stored') this.stored.set(event.id, event);
    return { id: event.id, status };
  }
}

function abortionOf(signal?: AbortSignal | null): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason));
  });
}
