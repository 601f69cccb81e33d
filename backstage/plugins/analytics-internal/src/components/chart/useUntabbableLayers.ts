import { useCallback, useRef } from 'react';

/**
 * A ref for the element around a chart. It takes the chart's drawing layers out of the tab order.
 *
 * React listens for focus on every element it renders a portal into, and Chromium makes an SVG element with such a
 * listener focusable: every chart would have seven tab stops without a name.
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
