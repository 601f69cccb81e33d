export interface Config {
  /**
   * The analytics-internal service behind `/api/analytics-internal`. Everything has a default.
   */
  analyticsInternal?: {
    /**
     * `managed` (the default): the backend starts the service, on its own database. `remote`: the service runs
     * elsewhere, at `baseUrl`.
     */
    mode?: 'managed' | 'remote';
    /**
     * Mode remote: where the service is, like `https://analytics.example.com`. Its API is expected at
     * `<baseUrl>/api/analytics-internal`.
     */
    baseUrl?: string;
    /**
     * Mode managed: path of the service's program, or its name on PATH. Default: `analytics-internal`.
     */
    command?: string;
    /**
     * Mode managed: reporting time zone (IANA name), where a day begins and ends. Default: the machine's.
     */
    timezone?: string;
    /**
     * Mode managed: folder of the reader's file, and of the service's own PostgreSQL when the backend has none.
     */
    dataDir?: string;
    /**
     * Mode managed, without the permission framework: who may read figures, which name nobody. Entity refs of people
     * and groups, or `*` for everyone who is signed in. Default: `['*']`.
     */
    readers?: string[];
    /**
     * Mode managed, without the permission framework: who may read who did what. Default: nobody.
     */
    peopleReaders?: string[];
    /**
     * Mode managed, without the permission framework: who may administer the service. Default: nobody.
     */
    admins?: string[];
    /**
     * Mode managed: tokens of machines, 16 characters or more, that may import history and write for others.
     * @visibility secret
     */
    importTokens?: string[];
    /**
     * Mode managed: further settings of the service, by the names it has for them, like `log_level`.
     */
    settings?: {
      /**
       * Another database than the backend's.
       * @visibility secret
       */
      database_url?: string;
      /**
       * @visibility secret
       */
      import_tokens?: string | string[];
      [name: string]: string | number | boolean | string[] | undefined;
    };
  };
}
