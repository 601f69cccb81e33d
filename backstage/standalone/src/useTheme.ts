import { useEffect, useSyncExternalStore } from 'react';
import { usePreference } from './usePreference';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

/** Whether a media query holds, now and from now on. */
function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (onChange) => {
      const media = window.matchMedia(query);
      media.addEventListener('change', onChange);
      return () => media.removeEventListener('change', onChange);
    },
    () => window.matchMedia(query).matches,
  );
}

/** The chosen theme, applied to the document. Paper is always light. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = usePreference('theme', themes, 'system');
  const isSystemDark = useMedia('(prefers-color-scheme: dark)');
  const isPrinted = useMedia('print');
  const isDark = !isPrinted && (theme === 'dark' || (theme === 'system' && isSystemDark));
  useEffect(() => {
    document.documentElement.dataset.themeMode = isDark ? 'dark' : 'light';
  }, [isDark]);
  return [theme, setTheme];
}
