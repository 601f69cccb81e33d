/**
 * The pages of analytics-internal: usage analytics for Backstage, on your own PostgreSQL.
 *
 * The default export is the plugin for the new frontend system; the components are for the legacy one.
 *
 * @packageDocumentation
 */
export { default } from './plugin';
export {
  ActivityInsightDetailsPage,
  AnalyticsInternalPage,
  analyticsInternalPlugin,
  AnalyticsInternalSidebarItem,
  EntityAnalyticsInternalCard,
  type AnalyticsInternalPageProps,
} from './legacy';
export { analyticsInternalApiRef } from './portal/apiRef';
export type { AnalyticsClient } from './api/client';
export type {
  DeadLetter,
  DeadLetters,
  Destination,
  DestinationsClient,
  DestinationState,
  LastError,
  Queued,
  Replay,
  ReplayRequest,
  TestResult,
  WhichDeadLetters,
} from './api/destinations';
export { ProblemError, type Problem } from './api/problem';
export type * from './api/query';
