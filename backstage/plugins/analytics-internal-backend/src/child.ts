import { LoggerService } from '@backstage/backend-plugin-api';
import { ChildProcess, spawn } from 'node:child_process';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { eachLine, logLine } from './logLines';

const ADDRESS = /^analytics-internal: (https?:\/\/\S+?)\/?$/;
const READY_INTERVAL_MS = 100;
const READY_LIMIT_MS = 5_000;
const REASON_LINES = 20;
/** What the service prints after this time is no longer the reason of a failed start. */
const START_LIMIT_MS = 10_000;
const OUTPUT_LIMIT_MS = 1_000;
// The service's exit code for wrong settings, and the system's errors for a program that is not there.
const MISUSED = 2;
const NOT_STARTED = ['ENOENT', 'EACCES', 'ENOTDIR'];

/** What to run as the service, and where its output goes. */
export interface ServiceProgram {
  command: string;
  environment: NodeJS.ProcessEnv;
  logger: LoggerService;
  /** Rewrites a line of the service before it is logged. */
  reword(line: string): string;
}

/** How one run of the service ended. */
export interface End {
  /** `misused`: its settings are wrong. `not found`: there is no such program. Neither goes away by itself. */
  kind: 'ended' | 'misused' | 'not found';
  /** The exit code or signal, and the last output that was not a log line. */
  reason: string;
}

/** One run of the service as a child process. */
export class Child {
  readonly #process: ChildProcess;
  readonly #program: ServiceProgram;
  /** Output that is neither a log line nor logged yet. If the service ends now, it is the reason. */
  readonly #unsaid: string[] = [];
  #hasStarted = false;
  #isOver = false;

  /** Resolves when the run is over, for whatever reason. */
  readonly ended: Promise<End>;

  /** Throws the system's error when no process can be made: see `notStarted`. */
  constructor(program: ServiceProgram, onReady: (url: string) => void) {
    this.#program = program;
    this.#process = spawn(program.command, ['serve'], {
      env: program.environment,
      // Nothing is written to its standard input. The service stops when its standard input ends, so none is left
      // behind when this process ends, even if it is killed.
      stdio: ['pipe', 'pipe', 'pipe'],
      // Ctrl-C in a terminal must reach only the backend. It stops the service after its own requests are answered.
      detached: true,
    });
    setTimeout(() => this.#takeStarted(), START_LIMIT_MS).unref();
    this.ended = this.#watch(onReady);
  }

  /**
   * Ask the service to stop. Kill it if it does not stop within the limit.
   *
   * @returns when it has ended.
   */
  async stop(limitMs: number) {
    this.#process.kill('SIGTERM');
    const limit = setTimeout(() => {
      this.#program.logger.warn(`analytics-internal did not stop within ${limitMs / 1000} s and is killed`);
      this.#process.kill('SIGKILL');
    }, limitMs);
    await this.ended;
    clearTimeout(limit);
  }

  async #watch(onReady: (url: string) => void): Promise<End> {
    const { stdin, stdout, stderr } = this.#process;
    stdin?.on('error', () => {}); // it closes with the process; nothing is written
    const output = [
      stdout && eachLine(stdout, (line) => this.#takeOutput(line, onReady)),
      stderr && eachLine(stderr, (line) => this.#takeLog(line)),
    ];
    const end = await this.#exit();
    this.#isOver = true;
    // The last lines may still be on their way. A process that inherited the pipe may keep it open for ever.
    await Promise.race([Promise.all(output), sleep(OUTPUT_LIMIT_MS, undefined, { ref: false })]);
    return { ...end, reason: [end.reason, ...this.#unsaid.splice(0)].join('; ') };
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
    const reworded = this.#program.reword(line);
    if (!logLine(this.#program.logger, reworded)) {
      this.#unsaid.push(reworded.replace(/^analytics-internal: /, ''));
      this.#logUnsaid(this.#hasStarted ? 0 : REASON_LINES);
    }
  }

  /** Log the unsaid lines but the last `kept`. */
  #logUnsaid(kept: number) {
    const old = this.#unsaid.splice(0, Math.max(0, this.#unsaid.length - kept));
    old.forEach((line) => this.#program.logger.warn(line));
  }

  #takeStarted() {
    this.#hasStarted = true;
    this.#logUnsaid(0);
  }

  #takeOutput(line: string, onReady: (url: string) => void) {
    const url = ADDRESS.exec(line)?.[1];
    if (url === undefined) {
      this.#program.logger.info(line);
      return;
    }
    this.#takeStarted();
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
    // Not `fetch`: it may use a proxy that cannot reach this machine.
    http
      .get(`${url}/readyz`, { agent: false, signal: AbortSignal.timeout(READY_LIMIT_MS) }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      })
      .on('error', () => resolve(false));
  });
}
