import { setTimeout as sleep } from 'node:timers/promises';

/** Wait until a condition holds, at most a minute. */
export async function until(is: () => boolean | Promise<boolean>) {
  for (let attempt = 0; attempt < 6_000; attempt++) {
    if (await is()) {
      return;
    }
    await sleep(10);
  }
  throw new Error(`did not become true: ${is}`);
}

/** Whether a process is still running. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
