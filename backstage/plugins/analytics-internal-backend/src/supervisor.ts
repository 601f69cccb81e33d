import { LoggerService } from '@backstage/backend-plugin-api';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child, End, notStarted } from './child';
import { Upstream } from './upstream';

/** How the service is started again and stopped. */
export interface Pace {
  /** Before the first new start; doubled from one to the next. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** A run of this length makes the next pause the first one again. */
  stableMs: number;
  /** When the program is not there, or refuses its settings: what only a person can change. */
  notFoundPauseMs: number;
  misusedPauseMs: number;
  stopLimitMs: number;
}

const PACE: Pace = {
  firstPauseMs: 1_000,
  longestPauseMs: 60_000,
  stableMs: 60_000,
  notFoundPauseMs: 60_000,
  misusedPauseMs: 300_000,
  // The service gives open requests 30 s, and its own PostgreSQL some more.
  stopLimitMs: 45_000,
};

/** Keeps one service running: starts it again whenever it ends, until it is stopped. Never has two. */
export class Supervisor {
  readonly #command: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #logger: LoggerService;
  readonly #pace: Pace;
  readonly #words: (line: string) => string;
  readonly #stopping = new AbortController();
  #child?: Child;
  #running: Promise<void> = Promise.resolve();
  #upstream: Upstream = { unavailable: 'the analytics service was not started', retryAfterSeconds: 1 };
  #lastReason?: string;

  constructor(
    command: string,
    environment: NodeJS.ProcessEnv,
    logger: LoggerService,
    pace: Partial<Pace> = {},
    words: (line: string) => string = (line) => line,
  ) {
    this.#command = command;
    this.#environment = environment;
    this.#logger = logger;
    this.#pace = { ...PACE, ...pace };
    this.#words = words;
  }

  /** Where the service answers, or why it does not just now. */
  upstream(): Upstream {
    return this.#upstream;
  }

  /** Begin. Does not wait for the service. */
  start() {
    this.#running = this.#run().catch((error) => {
      this.#logger.error('analytics-internal cannot be started', error);
    });
  }

  /** Stop the service and return when it has ended. */
  async stop() {
    this.#stopping.abort();
    this.#upstream = { unavailable: 'the analytics service is stopping', retryAfterSeconds: 1 };
    await this.#child?.stop(this.#pace.stopLimitMs);
    await this.#running;
  }

  async #run() {
    let pauseMs = this.#pace.firstPauseMs;
    while (!this.#stopping.signal.aborted) {
      const began = performance.now();
      const end = await this.#oneRun(began);
      if (this.#stopping.signal.aborted) {
        return;
      }
      if (performance.now() - began >= this.#pace.stableMs) {
        pauseMs = this.#pace.firstPauseMs;
      }
      const thisPauseMs = this.#pauseAfter(end, pauseMs);
      pauseMs = Math.min(2 * pauseMs, this.#pace.longestPauseMs);
      this.#explain(end, thisPauseMs);
      await sleep(thisPauseMs, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {});
    }
  }

  async #oneRun(began: number): Promise<End> {
    this.#upstream = { unavailable: 'the analytics service is starting', retryAfterSeconds: 1 };
    try {
      const onReady = (url: string) => this.#takeReady(url, began);
      this.#child = new Child(this.#command, this.#environment, this.#logger, onReady, this.#words);
    } catch (error) {
      return notStarted(error as NodeJS.ErrnoException);
    }
    return await this.#child.ended;
  }

  #takeReady(url: string, began: number) {
    this.#lastReason = undefined;
    if (!this.#stopping.signal.aborted) {
      this.#upstream = { url };
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      this.#logger.info(`analytics-internal is ready at ${url} after ${seconds} s`);
    }
  }

  #pauseAfter(end: End, pauseMs: number): number {
    switch (end.kind) {
      case 'not found':
        return this.#pace.notFoundPauseMs;
      case 'misused':
        return this.#pace.misusedPauseMs;
      default:
        // By chance, or the services of all replicas come back at the same moment.
        return pauseMs * (0.5 + Math.random() / 2);
    }
  }

  #explain(end: End, pauseMs: number) {
    const seconds = Number((pauseMs / 1000).toPrecision(2));
    this.#upstream = { unavailable: 'the analytics service is not running', retryAfterSeconds: seconds + 1 };
    const words = {
      ended: `analytics-internal ended: ${end.reason}. It is started again in ${seconds} s.`,
      misused:
        `analytics-internal cannot run with its settings: ${end.reason}. Correct them in app-config under ` +
        `analyticsInternal and restart the backend; it is tried again every ${seconds} s.`,
      'not found':
        `analytics-internal cannot be run: ${end.reason}. Looked for was '${this.#command}'` +
        `${this.#command.includes('/') ? '' : ` on the PATH ${this.#environment.PATH}`}. Install the service on this ` +
        'machine as the README of backstage-plugin-analytics-internal-backend says and start the backend in its virtual ' +
        `environment, or give the path of its program in analyticsInternal.command; it is looked for again every ${seconds} s.`,
    }[end.kind];
    // The same is said once, not at every try.
    if (end.reason !== this.#lastReason) {
      this.#logger.error(words);
    } else if (end.kind === 'ended') {
      this.#logger.info(`analytics-internal ended as before. It is started again in ${seconds} s.`);
    }
    this.#lastReason = end.reason;
  }
}
