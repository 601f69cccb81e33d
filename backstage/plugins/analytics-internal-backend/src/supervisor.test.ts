import { mockServices } from '@backstage/backend-test-utils';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pace, Supervisor } from './supervisor';
import { Program, SERVING } from './testing/program';
import { isAlive, until } from './testing/waiting';

const QUICK: Partial<Pace> = {
  firstPauseMs: 40,
  longestPauseMs: 160,
  notFoundPauseMs: 50,
  misusedPauseMs: 50,
};

let folder: string;
let supervisor: Supervisor | undefined;
const logger = mockServices.logger.mock();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'supervisor-'));
  jest.clearAllMocks();
});

afterEach(async () => {
  await supervisor?.stop();
  supervisor = undefined;
  rmSync(folder, { recursive: true });
});

function supervise(
  command: string,
  pace: Partial<Pace> = QUICK,
  environment: NodeJS.ProcessEnv = process.env,
  reword = (line: string) => line,
) {
  supervisor = new Supervisor({ command, environment, logger, reword }, pace);
  supervisor.start();
  return supervisor;
}

function errors(): string[] {
  return logger.error.mock.calls.map(([message]) => message);
}

describe('a supervised service', () => {
  it('is not there until it says that it is ready, and then at the address it says', async () => {
    const program = new Program(folder, SERVING);

    const supervised = supervise(program.path);
    expect(supervised.upstream()).toEqual({
      unavailable: expect.stringMatching(/starting/),
      retryAfterSeconds: 1,
    });
    await until(() => 'url' in supervised.upstream());

    expect(supervised.upstream()).toEqual({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
    expect(program.runs).toEqual([expect.objectContaining({ arguments: ['serve'] })]);
    expect(logger.info).toHaveBeenCalledWith(expect.stringMatching(/^analytics-internal is ready at http/));
  });

  it('is started again when it is killed, and is not there meanwhile', async () => {
    const program = new Program(folder, SERVING);
    const supervised = supervise(program.path);
    await until(() => 'url' in supervised.upstream());
    const { url } = supervised.upstream() as { url: string };

    process.kill(program.runs[0]!.pid, 'SIGKILL');
    await until(() => 'unavailable' in supervised.upstream());
    await until(() => 'url' in supervised.upstream());

    expect(supervised.upstream()).not.toEqual({ url });
    expect(program.runs).toHaveLength(2);
    expect(errors()).toEqual([
      expect.stringMatching(/ended: killed by SIGKILL\. It is started again in 0\.0\d+ s/),
    ]);
  });

  it('that keeps ending is started again after ever longer pauses, each run alone', async () => {
    const program = new Program(
      folder,
      `console.error('analytics-internal: it is broken'); process.exit(1);`,
    );

    supervise(program.path);
    await until(() => program.runs.length === 5);
    const said = [...errors(), ...logger.info.mock.calls.map(([message]) => message)];

    // The reason is logged once.
    expect(errors()).toHaveLength(1);
    const pauses = said.map((text) => Number(/again in ([\d.]+) s/.exec(text)![1]));
    expect(said[0]).toMatch(/ended: exit code 1; it is broken\./);
    [40, 80, 160, 160].forEach((longest, index) => {
      expect(pauses[index]).toBeGreaterThanOrEqual(longest / 2000);
      expect(pauses[index]).toBeLessThanOrEqual(longest / 1000 + 0.001);
    });
    expect(program.runs.filter(({ pid }) => isAlive(pid)).length).toBeLessThanOrEqual(1);
  });

  it('begins with the shortest pause again after a run that was long enough', async () => {
    const program = new Program(folder, 'setTimeout(() => process.exit(1), 60);');

    supervise(program.path, { ...QUICK, stableMs: 50 });
    await until(() => program.runs.length === 5);

    const said = [...errors(), ...logger.info.mock.calls.map(([message]) => message)];
    said.forEach((text) => expect(Number(/again in ([\d.]+) s/.exec(text)![1])).toBeLessThanOrEqual(0.04));
  });

  it('that refuses its settings is an error with its own words, said once, and tried again slowly', async () => {
    const program = new Program(
      folder,
      `console.error('analytics-internal: timezone: "Mars" must be a name'); process.exit(2);`,
    );

    const supervised = supervise(program.path, { ...QUICK, misusedPauseMs: 300 });
    await until(() => program.runs.length === 2);
    await until(() => !isAlive(program.runs[1]!.pid));

    expect(errors()).toEqual([
      'analytics-internal cannot run with its settings: exit code 2; timezone: "Mars" must be a name. Correct them ' +
        'in app-config under analyticsInternal and restart the backend; it is tried again every 0.3 s.',
    ]);
    expect(logger.warn).not.toHaveBeenCalled();
    expect(program.runs[1]!.at - program.runs[0]!.at).toBeGreaterThanOrEqual(300);
    expect(supervised.upstream()).toEqual({
      unavailable: expect.any(String),
      retryAfterSeconds: expect.any(Number),
    });
  });

  it('that has other words for its end than before says these', async () => {
    const program = new Program(
      folder,
      `const runs = require('node:fs').readFileSync(__dirname + '/runs', 'utf8').trim().split('\\n').length;
      console.error('analytics-internal: run ' + Math.min(2, runs)); process.exit(1);`,
    );

    supervise(program.path);
    await until(() => program.runs.length === 4);

    expect(errors()).toEqual([
      expect.stringMatching(/ended: exit code 1; run 1\./),
      expect.stringMatching(/ended: exit code 1; run 2\./),
    ]);
  });

  it('does not say the reason of its end a second time when the time for a start is over', async () => {
    const program = new Program(folder, `console.error('it is broken'); process.exit(1);`);
    const timers = jest.spyOn(global, 'setTimeout');

    supervise(program.path, { ...QUICK, firstPauseMs: 60_000 });
    await until(() => errors().length === 1);
    const limits = timers.mock.calls.filter(([, ms]) => ms === 10_000);
    limits.forEach(([expire]) => expire());

    expect(limits).toHaveLength(1);
    expect(errors()[0]).toMatch(/ended: exit code 1; it is broken\./);
    expect(logger.warn).not.toHaveBeenCalled();
    timers.mockRestore();
  });

  it('that loses its composure while it runs is heard at once, and only once', async () => {
    const program = new Program(
      folder,
      `${SERVING} setTimeout(() => { console.error('Traceback'); setTimeout(() => process.exit(1), 50); }, 300);`,
    );

    supervise(program.path, { ...QUICK, firstPauseMs: 60_000 });
    await until(() => errors().length === 1);

    expect(logger.warn.mock.calls).toEqual([['Traceback']]);
    expect(errors()[0]).toMatch(/ended: exit code 1\. It is started again/);
  });

  it('is quoted in the words of those who have configured it', async () => {
    const program = new Program(
      folder,
      `console.error('analytics-internal: VARIABLE is wrong'); process.exit(2);`,
    );

    supervise(program.path, QUICK, process.env, (line) => line.replace('VARIABLE', 'analyticsInternal.key'));
    await until(() => errors().length === 1);

    expect(errors()[0]).toMatch(/exit code 2; analyticsInternal\.key is wrong\. Correct/);
  });

  it('that is not installed is one error that says how to, until it is', async () => {
    const supervised = supervise('analytics-internal', QUICK, { PATH: folder });
    await until(() => errors().length === 1);
    await sleep(150);

    expect(errors()).toEqual([
      expect.stringMatching(
        /ENOENT\. Looked for was 'analytics-internal' on the PATH .*README of backstage-plugin-analytics-internal-backend .*command/,
      ),
    ]);
    const program = new Program(folder, SERVING);
    await until(() => 'url' in supervised.upstream());
    expect(program.runs).toHaveLength(1);
  });

  it('whose program has a file in its path where a folder should be is not installed', async () => {
    const program = new Program(folder, SERVING);

    supervise(join(program.path, 'analytics-internal'));
    await until(() => errors().length === 1);

    expect(errors()).toEqual([
      expect.stringMatching(/ENOTDIR\. Looked for was .* it is looked for again every/),
    ]);
  });

  it('for which the system has no room just now is started again', async () => {
    const program = new Program(folder, SERVING);
    // Too long for the system: it refuses before there is a process, like without memory.
    const environment: NodeJS.ProcessEnv = { PATH: process.env.PATH, TOO_LONG: 'x'.repeat(1 << 20) };

    const supervised = supervise(program.path, QUICK, environment);
    await until(() => errors().length === 1);
    delete environment.TOO_LONG;
    await until(() => 'url' in supervised.upstream());

    expect(errors()[0]).toMatch(/ended: spawn E2BIG\. It is started again in/);
  });

  it('loses no line that it said before it ended', async () => {
    const lines = Array.from(
      { length: 2_000 },
      (_, number) => `{"event": "line ${number}", "level": "info"}`,
    );
    const program = new Program(
      folder,
      `require('node:fs').writeSync(2, ${JSON.stringify(lines.join('\n'))}); process.exit(1);`,
    );

    supervise(program.path, { ...QUICK, firstPauseMs: 5_000 });
    await until(() => errors().length === 1);

    const said = logger.info.mock.calls.map(([message]) => message);
    expect(said).toEqual(lines.map((_, number) => `line ${number}`));
  });
});

describe('stopping', () => {
  it('asks the service, waits for its end, and starts no other', async () => {
    const program = new Program(
      folder,
      `${SERVING} process.removeAllListeners('SIGTERM'); process.on('SIGTERM', () => setTimeout(() => process.exit(0), 200));`,
    );
    const supervised = supervise(program.path);
    await until(() => 'url' in supervised.upstream());

    await supervised.stop();

    expect(isAlive(program.runs[0]!.pid)).toBe(false);
    expect(supervised.upstream()).toEqual({ unavailable: expect.any(String), retryAfterSeconds: 1 });
    await sleep(200);
    expect(program.runs).toHaveLength(1);
    expect(errors()).toEqual([]);
  });

  it('kills a service that does not end, and says so', async () => {
    const program = new Program(
      folder,
      `${SERVING} process.removeAllListeners('SIGTERM'); process.on('SIGTERM', () => {});`,
    );
    const supervised = supervise(program.path, { ...QUICK, stopLimitMs: 200 });
    await until(() => 'url' in supervised.upstream());

    await supervised.stop();

    expect(isAlive(program.runs[0]!.pid)).toBe(false);
    expect(logger.warn).toHaveBeenCalledWith('analytics-internal did not stop within 0.2 s and is killed');
  });

  it('does not wait for a pause to end', async () => {
    const program = new Program(folder, 'process.exit(1)');
    const supervised = supervise(program.path, { ...QUICK, firstPauseMs: 60_000 });
    await until(() => errors().length === 1);

    await supervised.stop();

    expect(program.runs).toHaveLength(1);
  });
});
