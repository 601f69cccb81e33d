/** An event as it arrives. */
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

/** A request as it arrives. */
export interface ReceivedRequest {
  url: string;
  token: string | null;
  isOutliving: boolean;
  bytes: number;
  sentAt: string;
  events: ReceivedEvent[];
}

/** How a request is answered; undefined stores the events and says so. */
export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** The events are stored, but the answer is lost on the way. */
  isLost?: boolean;
}

/** The ingest route of the service in the place of `fetch`: it stores an id once, and answers as the service does. */
export class FakeService {
  readonly requests: ReceivedRequest[] = [];
  readonly stored = new Map<string, ReceivedEvent>();
  /** Decides how to answer; may throw, as fetch does when there is no network, or never resolve. */
  reply: (request: ReceivedRequest) => Reply | undefined | Promise<Reply | undefined> = () => undefined;

  /** How the portal's sign-in providers answer a request for a new session, by address; 404 where nothing is said. */
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

  /** What was stored, in the order in which it happened. */
  get events(): ReceivedEvent[] {
    return [...this.stored.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  get subjects(): string[] {
    return this.events.map((event) => event.subject);
  }

  /** Every id that arrived, as often as it did. */
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
