export interface Config {
  /**
   * The metrics pages. Everything has a default.
   */
  analyticsInternal?: {
    /**
     * Whether accesses are shown with their day alone, `16/07/2025`, instead of with their time, `16/07/2025 12:44:14`.
     * Default: the day alone, but with the time in the details of an activity in the new frontend system.
     * @visibility frontend
     */
    formatDateToShort?: boolean;
  };
}
