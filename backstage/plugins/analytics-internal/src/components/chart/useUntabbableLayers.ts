import { useCallback, useRef } from 'react';

/**
 * A ref for what holds a chart: its drawing layers are no stops of the tab key.
 *
 * React listens for focus on everything it portals into, and Chromium takes an SVG element that is listened to for
 * one that can be focused: seven stops without a name in every chart.
 */
export function useUntabbableLayers(): (element: HTMLElement | null) => void {
  const observer = useRef<MutationObserver>(undefined);
  return useCallback((element) => {
    observer.current?.disconnect();
    if (!element) return;
    const release = () => {
      for (const layer of element.querySelectorAll('g[class*="zIndex-layer"]:not([tabindex])')) {
        layer.setAttribute('tabindex', '-1');
      }
    };
    observer.current = new MutationObserver(release);
    observer.current.observe(element, { childList: true, subtree: true });
    release();
  }, []);
}
