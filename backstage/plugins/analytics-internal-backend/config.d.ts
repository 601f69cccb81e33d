/** A secret, or the environment variable or the file that it is in. */
type Secret = string | { env: string } | { file: string };

export interface Config {
  /**
   * The analytics-internal service behind `/api/analytics-internal`. Every key has a default.
   */
  analyticsInternal?: {
    /**
     * `managed` (the default): the backend starts the service and gives it a database. `remote`: the service runs
     * elsewhere, at `baseUrl`.
     */
    mode?: 'managed' | 'remote';
    /**
     * Mode remote: the service's address, like `https://analytics.example.com`. Its API is at
     * `<baseUrl>/api/analytics-internal`.
     */
    baseUrl?: string;
    /**
     * Mode managed: path of the service's program, or its name on PATH. Default: `analytics-internal`.
     */
    command?: string;
    /**
     * Mode managed: reporting time zone (IANA name). It decides where a day begins and ends. Default: the machine's.
     */
    timezone?: string;
    /**
     * Mode managed: folder of the reader's file, and of the service's own PostgreSQL if the backend has none.
     */
    dataDir?: string;
    /**
     * Mode managed, without the permission framework: who may read figures without names. Entity refs of people and
     * groups, or `*` for everyone who is signed in. Default: `['*']`.
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
     * Mode managed: tokens of machines that may import history and write for other people. At least 16 characters each.
     * @visibility secret
     */
    importTokens?: string[];
    /**
     * Mode managed: where the service forwards events to. The service's `docs/reference/destinations.md` has an example
     * of each type, with its options. Write secrets as `${VARIABLE}`, `{ $file: path }`, `{ env: VARIABLE }` or
     * `{ file: path }`.
     */
    destinations?: Array<{
      /**
       * The name of its position in the log, of its metrics and of its row on the page Destinations. Small letters,
       * digits, `-`, `_` and `.`.
       */
      name: string;
      /**
       * `analytics-internal`, `ga4`, `kafka`, `matomo`, `nats`, `otlp`, `parquet`, `rabbitmq`, `segment`, `webhook`, or a
       * type that another Python package brings.
       */
      type: string;
      /**
       * Which events: as in a question, like `["is", "action", ["navigate", "search"]]`. Default: all.
       */
      filters?: unknown[];
      /**
       * How people leave: by entity ref, under a pseudonym (the default), or not at all.
       */
      people?: 'named' | 'pseudonymous' | 'none';
      /**
       * Which fields are left out, and which have another name.
       */
      fields?: {
        drop?: string[];
        rename?: { [field: string]: string };
      };
      /**
       * Where a new destination begins: `now` (the default), `beginning`, a day like `2026-11-01`, or a time.
       */
      start?: string;
      /**
       * The receiver's address. Some contain a secret.
       * @visibility secret
       */
      url?: string;
      /**
       * Headers of each request.
       * @deepVisibility secret
       */
      headers?: { [name: string]: Secret };
      /**
       * Signs webhooks; during a rotation two.
       * @visibility secret
       */
      secret?: Secret | Secret[];
      /** @visibility secret */
      token?: Secret;
      /** @visibility secret */
      password?: Secret;
      /** @visibility secret */
      key_password?: Secret;
      /** @visibility secret */
      api_secret?: Secret;
      /** @visibility secret */
      write_key?: Secret;
      /** @visibility secret */
      token_auth?: Secret;
      /** @visibility secret */
      nkey_seed?: Secret;
      /** @visibility secret */
      credentials?: Secret;
      /** @visibility secret */
      secret_access_key?: Secret;
      /** @visibility secret */
      session_token?: Secret;
      /** @visibility secret */
      service_account?: Secret;
      /** @visibility secret */
      account_key?: Secret;
      /** @visibility secret */
      sas_token?: Secret;
      /**
       * An option of its type.
       */
      [option: string]: unknown;
    }>;
    /**
     * Mode managed: other settings of the service, by the service's names, like `log_level`.
     */
    settings?: {
      /**
       * A database other than the backend's.
       * @visibility secret
       */
      database_url?: string;
      /**
       * Same as `importTokens`.
       * @visibility secret
       */
      import_tokens?: string | string[];
      [name: string]: string | number | boolean | string[] | undefined;
    };
  };
}
