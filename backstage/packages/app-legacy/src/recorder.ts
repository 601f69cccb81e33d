import { type AnalyticsApi } from '@backstage/core-plugin-api';

declare global {
  interface Window {
    /** The tests create it before the portal loads. Without it nothing is recorded. */
    __capturedEvents?: { at: string; event: unknown }[];
  }
}

/** A second analytics implementation beside ours. The tests compare what both captured. */
export const recorder: AnalyticsApi = {
  captureEvent: (event) => {
    window.__capturedEvents?.push({ at: new Date().toISOString(), event: structuredClone(event) });
  },
};
