import { useState } from 'react';

const PREFIX = 'analytics-internal.';

function read(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
    return null;
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // As above.
  }
}

/** A choice that this browser remembers. */
export function usePreference<T extends string>(
  name: string,
  choices: readonly T[],
  fallback: T,
): [T, (choice: T) => void] {
  const [choice, setChoice] = useState(() => choices.find((known) => known === read(name)) ?? fallback);
  return [
    choice,
    (next) => {
      write(name, next);
      setChoice(next);
    },
  ];
}
