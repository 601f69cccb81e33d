// Named texts that outlive the page and are shared by all tabs: the browser's localStorage. A write is done at once,
// so a crash of the tab loses nothing. Writing one small text takes about 0.1 ms.

/** Texts that the browser refuses (storage disabled or full) are kept until the page ends. */
const memory = new Map<string, string>();

/** The text stored under `name`, if any. */
export function read(name: string): string | undefined {
  return memory.get(name) ?? attempt(() => localStorage[name] as string | undefined);
}

/** Stores `text` under `name`. */
export function write(name: string, text: string) {
  memory.set(name, text);
  attempt(() => {
    localStorage[name] = text;
    memory.delete(name);
  });
}

/** Deletes the text under `name`. */
export function erase(name: string) {
  memory.delete(name);
  attempt(() => delete localStorage[name]);
}

/** All names, including those of the portal's other plugins. */
export function names(): string[] {
  return [...memory.keys(), ...(attempt(() => Object.keys(localStorage)) ?? [])];
}

/** The result of `action`, or undefined if the browser refuses it. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** Whether somebody wants nothing to be captured in this browser. */
export function isOptedOut(): boolean {
  return read('analytics-internal.opt-out') === 'true';
}
