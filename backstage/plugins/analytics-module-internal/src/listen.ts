/** Calls `listener` for events of these types, separated by spaces, before any other part of the page sees or stops them. */
export function listen(types: string, listener: (event: Event) => void) {
  for (const type of types.split(' ')) addEventListener(type, listener, { capture: true, passive: true });
}
