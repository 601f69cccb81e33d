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
         * Where events are sent instead of the portal's own backend: an http or https address. Without a path it gets
         * `/api/analytics-internal/events`, with one it is taken as it is. The token of whoever is signed in is sent along.
         */
        host?: string;
        /**
         * Whether the browser's console tells, at level debug, what is sent, dropped or kept for later. Default: false.
         */
        debug?: boolean;
        /**
         * The actions that are captured: a list of texts like `navigate`, `click`, `search`, `discover`, `create` or
         * `not-found`; `*` stands for all. Default: `['*']`. As in the original plugin, whose schema has a boolean here,
         * it may be that too: true for all, false for none. The type is open so that both can be in one workspace; the
         * module checks the value.
         */
        actions?: unknown;
        /**
         * How many events are sent at once without waiting for the interval, 1 to 999. Default: 20.
         */
        batchSize?: number;
        /**
         * How long events wait to be sent together: seconds, or a duration like `{ seconds: 5 }`, from 0.1 to 999 seconds.
         * Default: 5.
         */
        flushInterval?: number | { minutes?: number; seconds?: number; milliseconds?: number };
        /**
         * The share of sessions that is captured, 0 to 1; a session is captured as a whole or not at all. Default: 1.
         */
        sampling?: number;
        /**
         * Ids of plugins of which nothing is captured, like `user-settings`. Default: none.
         */
        excludePlugins?: string[];
        /**
         * Paths of the portal of which, with all below them, nothing is captured, like `/docs/default/group/hr`. Default: none.
         */
        excludePaths?: string[];
        /**
         * Whether what is done on the pages and in the card of analytics-internal itself is captured. Default: false.
         */
        metricsPages?: boolean;
        /**
         * A name of this portal, like `production`; every event has it in its context as `environment`. Default: none.
         */
        environment?: string;
        /**
         * The actions of which repetitions are collapsed. Default: all three.
         */
        collapse?: Array<'navigate' | 'signIn' | 'search'>;
      };
    };
  };
}
