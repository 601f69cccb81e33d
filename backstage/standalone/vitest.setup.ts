import { afterEach, vi } from 'vitest';

// Most tests need no document; those that do say so in their first line.
if (typeof document !== 'undefined') {
  await import('@testing-library/jest-dom/vitest');
  const { cleanup, configure } = await import('@testing-library/react');
  afterEach(cleanup);
  // How long a page takes is no matter of these tests, and the machine may be busy.
  configure({ asyncUtilTimeout: 15_000 });

  // jsdom lays nothing out and has no screen: what asks for sizes or preferences gets none.
  class NoSizes implements ResizeObserver {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  }
  vi.stubGlobal('ResizeObserver', NoSizes);
  vi.stubGlobal('matchMedia', (media: string) => Object.assign(new EventTarget(), { matches: false, media }));
}
