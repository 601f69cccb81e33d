import { useEffect, useSyncExternalStore } from 'react';
import { usePreference } from './usePreference';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const darkSystem = window.matchMedia('(prefers-color-scheme: dark)');

function subscribe(onChange: () => void): () => void {
  darkSystem.addEventListener('change', onChange);
  return () => darkSystem.removeEventListener('change', onChange);
}

/** The chosen theme, put into force on the document. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = usePreference('theme', themes, 'system');
  const isSystemDark = useSyncExternalStore(subscribe, () => darkSystem.matches);
  const mode = theme === 'system' ? (isSystemDark ? 'dark' : 'light') : theme;
  useEffect(() => {
    document.documentElement.dataset.themeMode = mode;
  }, [mode]);
  return [theme, setTheme];
}
