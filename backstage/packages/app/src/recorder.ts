import { createFrontendModule } from '@backstage/frontend-plugin-api';
import { AnalyticsImplementationBlueprint } from '@backstage/plugin-app-react';

declare global {
  interface Window {
    /** The tests create it before the portal loads. Without it nothing is recorded. */
    __capturedEvents?: { at: string; event: unknown }[];
  }
}

const recorder = AnalyticsImplementationBlueprint.make({
  name: 'recorder',
  params: (define) =>
    define({
      deps: {},
      factory: () => ({
        captureEvent: (event) => {
          window.__capturedEvents?.push({ at: new Date().toISOString(), event: structuredClone(event) });
        },
      }),
    }),
});

/** A second analytics implementation beside ours. The tests compare what both captured. */
export const recorderModule = createFrontendModule({ pluginId: 'app', extensions: [recorder] });
