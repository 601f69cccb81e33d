import '@testing-library/jest-dom';
import { configure } from '@testing-library/react';

// How long a page takes is no matter of these tests, and the machine may be busy.
configure({ asyncUtilTimeout: 15_000 });
jest.setTimeout(60_000);

// jsdom lays nothing out and has no screen: what asks for sizes or preferences gets none.
class NoSizes implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
function matchMedia(media: string): MediaQueryList {
  const nothing = { matches: false, media, onchange: null, addListener: () => {}, removeListener: () => {} };
  return Object.assign(new EventTarget(), nothing);
}
Object.assign(window, { ResizeObserver: NoSizes, matchMedia });
