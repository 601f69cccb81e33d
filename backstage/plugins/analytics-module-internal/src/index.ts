/**
 * Captures what happens in a Backstage portal and brings it to analytics-internal. The default export is for the new
 * frontend system, {@link AnalyticsInternalApi} for the legacy one.
 *
 * @packageDocumentation
 */
export { analyticsModuleInternal as default } from './module';
export { AnalyticsInternalApi, type AnalyticsInternalApiOptions } from './AnalyticsInternalApi';
export { type CapturedEvent } from './moment';
