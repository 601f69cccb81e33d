import '@testing-library/jest-dom';
import { configure } from '@testing-library/react';

// These tests do not measure time, and the machine may be busy.
configure({ asyncUtilTimeout: 15_000 });
jest.setTimeout(60_000);

// jsdom has no layout and no screen: no sizes and no preferences.
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
