import { setTimeout as sleep } from 'node:timers/promises';

/** Wait until something is so, a minute at most. */
export async function until(is: () => boolean | Promise<boolean>) {
  for (let attempt = 0; attempt < 6_000; attempt++) {
    if (await is()) {
      return;
    }
    await sleep(10);
  }
  throw new Error(`it never came to be: ${is}`);
}

/** Whether a process is still there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
