import { useEffect, useRef } from 'react';
import { useLocation, useNavigationType } from 'react-router-dom';

/** Scroll to the top when a link leads to another page. On the way back the browser restores the position. */
export function useTop(): void {
  const { pathname } = useLocation();
  const way = useNavigationType();
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    if (way === 'PUSH') document.documentElement.scrollTop = 0;
  }, [pathname, way]);
}
