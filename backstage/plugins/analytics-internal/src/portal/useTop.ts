import { useEffect, useRef } from 'react';
import { useLocation, useNavigationType } from 'react-router-dom';

/** Begin a page that a link of another one led to at its top. On the way back the browser knows the place. */
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
