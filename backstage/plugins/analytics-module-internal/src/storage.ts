// Texts by name that outlive the page and are shared by the tabs: the browser's localStorage. It is written at once, so
// a crash of the tab loses nothing; one small text takes some 0.1 ms.

/** What the browser refuses (storage switched off, no room left) is kept until the page ends. */
const memory = new Map<string, string>();

/** The text kept under `name`, if there is one. */
export function read(name: string): string | undefined {
  return memory.get(name) ?? attempt(() => localStorage[name] as string | undefined);
}

/** Keeps `text` under `name`. */
export function write(name: string, text: string) {
  memory.set(name, text);
  attempt(() => {
    localStorage[name] = text;
    memory.delete(name);
  });
}

/** Forgets what is kept under `name`. */
export function erase(name: string) {
  memory.delete(name);
  attempt(() => delete localStorage[name]);
}

/** All names, those of the portal's other plugins among them. */
export function names(): string[] {
  return [...memory.keys(), ...(attempt(() => Object.keys(localStorage)) ?? [])];
}

/** What `action` returns; undefined when the browser refuses it. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
