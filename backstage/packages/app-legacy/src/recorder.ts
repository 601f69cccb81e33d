import { type AnalyticsApi } from '@backstage/core-plugin-api';

declare global {
  interface Window {
    /** Made by the tests before the portal loads; nothing is kept where it is missing. */
    __capturedEvents?: { at: string; event: unknown }[];
  }
}

/** A second analytics implementation beside ours: what the portal captured, as the tests count it. */
export const recorder: AnalyticsApi = {
  captureEvent: (event) => {
    window.__capturedEvents?.push({ at: new Date().toISOString(), event: structuredClone(event) });
  },
};
