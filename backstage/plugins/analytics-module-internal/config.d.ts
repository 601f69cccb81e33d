export interface Config {
  app?: {
    analytics?: {
      /**
       * Capture of the portal's analytics events for analytics-internal.
       * @deepVisibility frontend
       */
      internal?: {
        /**
         * Whether events are captured at all. Default: true.
         */
        enabled?: boolean;
        /**
         * An http or https address that gets the events instead of the portal's own backend. Without a path,
         * `/api/analytics-internal/events` is added. The token of the signed-in user is sent there.
         */
        host?: string;
        /**
         * Whether the browser's console shows, at level debug, what is sent, dropped or kept for later. Default: false.
         */
        debug?: boolean;
        /**
         * The actions that are captured: a list of texts like `navigate`, `click`, `search`, `discover`, `create` or
         * `not-found`. `*` means all. Default: `['*']`. A boolean is allowed too, as in the original plugin: true means
         * all, false none. The type is open so that both plugins' schemas fit into one workspace. The module checks the
         * value.
         */
        actions?: unknown;
        /**
         * This many events are sent without waiting for the interval, 1 to 999. Default: 20.
         */
        batchSize?: number;
        /**
         * How long events wait to be sent together: seconds, or a duration like `{ seconds: 5 }`. From 0.1 to 999
         * seconds. Default: 5.
         */
        flushInterval?: number | { minutes?: number; seconds?: number; milliseconds?: number };
        /**
         * The share of sessions that are captured, 0 to 1. A session is captured completely or not at all. Default: 1.
         */
        sampling?: number;
        /**
         * Whether the seconds are sent in which a page was visible and its reader active. Default: true.
         */
        engagement?: boolean;
        /**
         * Ids of plugins whose events are not captured, like `user-settings`. Default: none.
         */
        excludePlugins?: string[];
        /**
         * Paths of the portal that are not captured, with all paths below them, like `/docs/default/group/hr`.
         * Default: none.
         */
        excludePaths?: string[];
        /**
         * Whether events on analytics-internal's own pages and card are captured. Default: false.
         */
        metricsPages?: boolean;
        /**
         * A name of this portal, like `production`. It is the `environment` in every event's context. Default: none.
         */
        environment?: string;
        /**
         * The rules for what counts once: `navigate`, `redirect`, `signIn` and `search`. Default: all four.
         */
        collapse?: Array<'navigate' | 'redirect' | 'signIn' | 'search'>;
      };
    };
  };
}
