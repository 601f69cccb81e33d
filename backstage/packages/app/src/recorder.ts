import { createFrontendModule } from '@backstage/frontend-plugin-api';
import { AnalyticsImplementationBlueprint } from '@backstage/plugin-app-react';

declare global {
  interface Window {
    /** Made by the tests before the portal loads; nothing is kept where it is missing. */
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

/** A second analytics implementation beside ours: what the portal captured, as the tests count it. */
export const recorderModule = createFrontendModule({ pluginId: 'app', extensions: [recorder] });
