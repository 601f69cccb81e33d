type Callback = (lock: Lock | null) => unknown;

/**
 * The part of Web Locks that we use, which jsdom lacks: exclusive locks, granted in the order of the requests, and passed on
 * when the holder is gone.
 */
export class FakeLocks {
  /** Names of the requested locks, in order. */
  readonly asked: string[] = [];
  private readonly queues = new Map<string, Callback[]>();

  readonly request = (name: string, callback: Callback): Promise<unknown> => {
    this.asked.push(name);
    const queue = this.queues.get(name) ?? [];
    this.queues.set(name, queue);
    queue.push(callback);
    if (queue.length === 1) void Promise.resolve().then(() => callback(null));
    return new Promise(() => {});
  };

  /** The holder of the lock is gone. */
  release(name: string) {
    const queue = this.queues.get(name) ?? [];
    queue.shift();
    void queue[0]?.(null);
  }
}
