import { setTimeout as sleep } from 'node:timers/promises';
import { Child, End, notStarted, ServiceProgram } from './child';
import { Upstream } from './upstream';

/** When the service is started again, and how long it may take to stop. */
export interface Pace {
  /** The first pause before a new start. Each further one is twice as long. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** After a run of this length the pauses begin with the first one again. */
  stableMs: number;
  /** The pauses when only a person can help: the program is missing, or its settings are wrong. */
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
  // The service gives open requests 30 s, and then needs time to stop its own PostgreSQL.
  stopLimitMs: 45_000,
};

/** Keeps one service running, never two: starts it again whenever it ends, until `stop`. */
export class Supervisor {
  readonly #program: ServiceProgram;
  readonly #pace: Pace;
  readonly #stopping = new AbortController();
  #child?: Child;
  #running: Promise<void> = Promise.resolve();
  #upstream: Upstream = { unavailable: 'the analytics service was not started', retryAfterSeconds: 1 };
  #lastReason?: string;

  constructor(program: ServiceProgram, pace: Partial<Pace> = {}) {
    this.#program = program;
    this.#pace = { ...PACE, ...pace };
  }

  /** The service's address, or why there is none at the moment. */
  upstream(): Upstream {
    return this.#upstream;
  }

  /** Start the service. Does not wait for it. */
  start() {
    this.#running = this.#run().catch((error) => {
      this.#program.logger.error('analytics-internal cannot be started', error);
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
      this.#child = new Child(this.#program, (url) => this.#takeReady(url, began));
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
      this.#program.logger.info(`analytics-internal is ready at ${url} after ${seconds} s`);
    }
  }

  #pauseAfter(end: End, pauseMs: number): number {
    switch (end.kind) {
      case 'not found':
        return this.#pace.notFoundPauseMs;
      case 'misused':
        return this.#pace.misusedPauseMs;
      default:
        // Random, so that the services of all replicas do not start at the same moment.
        return pauseMs * (0.5 + Math.random() / 2);
    }
  }

  #explain(end: End, pauseMs: number) {
    const { command, environment, logger } = this.#program;
    const seconds = Number((pauseMs / 1000).toPrecision(2));
    this.#upstream = { unavailable: 'the analytics service is not running', retryAfterSeconds: seconds + 1 };
    const words = {
      ended: `analytics-internal ended: ${end.reason}. It is started again in ${seconds} s.`,
      misused:
        `analytics-internal cannot run with its settings: ${end.reason}. Correct them in app-config under ` +
        `analyticsInternal and restart the backend; it is tried again every ${seconds} s.`,
      'not found':
        `analytics-internal cannot be run: ${end.reason}. Looked for was '${command}'` +
        `${command.includes('/') ? '' : ` on the PATH ${environment.PATH}`}. Install the service on this machine as ` +
        'the README of backstage-plugin-analytics-internal-backend says, and start the backend in its virtual ' +
        `environment or set analyticsInternal.command to its path; it is looked for again every ${seconds} s.`,
    }[end.kind];
    // The same reason is logged once, not at every start.
    if (end.reason !== this.#lastReason) {
      logger.error(words);
    } else if (end.kind === 'ended') {
      logger.info(`analytics-internal ended as before. It is started again in ${seconds} s.`);
    }
    this.#lastReason = end.reason;
  }
}
