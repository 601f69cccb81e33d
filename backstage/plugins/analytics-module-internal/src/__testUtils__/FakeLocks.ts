type Callback = (lock: Lock | null) => unknown;

/**
 * Web Locks as far as they are used: exclusive, given in the order in which they were asked for, and given on when the
 * one who has it is gone. jsdom has none.
 */
export class FakeLocks {
  /** Names of the locks that were asked for, in order. */
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

  /** Whoever has the lock is gone. */
  release(name: string) {
    const queue = this.queues.get(name) ?? [];
    queue.shift();
    void queue[0]?.(null);
  }
}
