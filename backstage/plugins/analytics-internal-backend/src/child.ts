import { LoggerService } from '@backstage/backend-plugin-api';
import { ChildProcess, spawn } from 'node:child_process';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { eachLine, logLine } from './logLines';

const ADDRESS = /^analytics-internal: (https?:\/\/\S+?)\/?$/;
const READY_INTERVAL_MS = 100;
const READY_LIMIT_MS = 5_000;
const LAST_WORDS = 20;
/** Who has not ended so long after its first words goes on, or hangs: then they are not why it ends. */
const LAST_WORDS_LIMIT_MS = 10_000;
const LAST_LINES_LIMIT_MS = 1_000;
// Exit codes and errors of a start, as the service and the system have them.
const MISUSED = 2;
const NOT_STARTED = ['ENOENT', 'EACCES', 'ENOTDIR'];

/** How one run of the service ended. */
export interface End {
  /** What is wrong: nothing that comes back by itself, its settings, or no program to run. */
  kind: 'ended' | 'misused' | 'not found';
  /** In words: by which code or signal, and what it said last that was no log line. */
  reason: string;
}

/** One run of the service as a child process. */
export class Child {
  readonly #process: ChildProcess;
  readonly #logger: LoggerService;
  readonly #words: (line: string) => string;
  /** What it has said that was no log line and is not logged yet: if it ends now, this is why. */
  readonly #unsaid: string[] = [];
  #isUnderWay = false;
  #isOver = false;

  /** Resolves when the run is over, whichever way. */
  readonly ended: Promise<End>;

  /** Throws an error of the system when it does not even try: see `notStarted`. */
  constructor(
    command: string,
    environment: NodeJS.ProcessEnv,
    logger: LoggerService,
    onReady: (url: string) => void,
    words: (line: string) => string = (line) => line,
  ) {
    this.#logger = logger;
    this.#words = words;
    this.#process = spawn(command, ['serve'], {
      env: environment,
      // Nothing is written to its standard input. It stops at the end of it: when this process is no more, however
      // it ended, no service is left behind.
      stdio: ['pipe', 'pipe', 'pipe'],
      // Ctrl-C in a terminal is for the backend, which stops the service when its own requests are answered.
      detached: true,
    });
    setTimeout(() => {
      this.#isUnderWay = true;
      this.#say(0);
    }, LAST_WORDS_LIMIT_MS).unref();
    this.ended = this.#watch(onReady);
  }

  /**
   * Ask the service to stop, kill it when it does not within the limit.
   *
   * @returns when it has ended.
   */
  async stop(limitMs: number) {
    this.#process.kill('SIGTERM');
    const limit = setTimeout(() => {
      this.#logger.warn(`analytics-internal did not stop within ${limitMs / 1000} s and is killed`);
      this.#process.kill('SIGKILL');
    }, limitMs);
    await this.ended;
    clearTimeout(limit);
  }

  async #watch(onReady: (url: string) => void): Promise<End> {
    const { stdin, stdout, stderr } = this.#process;
    stdin?.on('error', () => {}); // it ends with the process; nothing is written
    const said = [
      stdout && eachLine(stdout, (line) => this.#takeOutput(line, onReady)),
      stderr && eachLine(stderr, (line) => this.#takeLog(line)),
    ];
    const end = await this.#exit();
    this.#isOver = true;
    // Its last lines may still be on the way. Whoever else has inherited the pipe may keep it open for ever.
    await Promise.race([Promise.all(said), sleep(LAST_LINES_LIMIT_MS, undefined, { ref: false })]);
    return { ...end, reason: [end.reason, ...this.#unsaid].join('; ') };
  }

  #exit(): Promise<End> {
    return new Promise((resolve) => {
      this.#process.on('error', (error) => resolve(notStarted(error)));
      this.#process.on('exit', (code, signal) =>
        resolve({
          kind: code === MISUSED ? 'misused' : 'ended',
          reason: signal === null ? `exit code ${code}` : `killed by ${signal}`,
        }),
      );
    });
  }

  #takeLog(line: string) {
    const said = this.#words(line);
    if (!logLine(this.#logger, said)) {
      this.#unsaid.push(said.replace(/^analytics-internal: /, ''));
      this.#say(this.#isUnderWay ? 0 : LAST_WORDS);
    }
  }

  /** Log all but the last so many of its words. */
  #say(kept: number) {
    const old = this.#unsaid.splice(0, Math.max(0, this.#unsaid.length - kept));
    old.forEach((line) => this.#logger.warn(line));
  }

  #takeOutput(line: string, onReady: (url: string) => void) {
    const url = ADDRESS.exec(line)?.[1];
    if (url === undefined) {
      this.#logger.info(line);
      return;
    }
    this.#isUnderWay = true;
    this.#say(0);
    this.#untilReady(url).then((answers) => answers && onReady(url));
  }

  async #untilReady(url: string): Promise<boolean> {
    while (!this.#isOver) {
      if (await isReady(url)) {
        return true;
      }
      await sleep(READY_INTERVAL_MS);
    }
    return false;
  }
}

/** The end of a run that did not begin. */
export function notStarted(error: NodeJS.ErrnoException): End {
  return {
    kind: NOT_STARTED.includes(error.code ?? '') ? 'not found' : 'ended',
    reason: error.message,
  };
}

/** Whether the service says that it is ready. */
function isReady(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    // Not `fetch`: it may go through the company's proxy, which does not lead back to this machine.
    http
      .get(`${url}/readyz`, { agent: false, timeout: READY_LIMIT_MS }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      })
      .on('timeout', function giveUp(this: http.ClientRequest) {
        this.destroy();
      })
      .on('error', () => resolve(false));
  });
}
