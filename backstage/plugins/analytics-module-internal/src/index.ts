/**
 * Captures the analytics events of a Backstage portal and sends them to analytics-internal. The default export is for
 * the
 * new frontend system, {@link AnalyticsInternalApi} for the legacy one.
 *
 * @packageDocumentation
 */
export { analyticsModuleInternal as default } from './module';
export { AnalyticsInternalApi, type AnalyticsInternalApiOptions } from './AnalyticsInternalApi';
export { type CapturedEvent } from './moment';
