/**
 * The same for the legacy frontend system alone, without the libraries of the new one.
 *
 * @packageDocumentation
 */
export { AnalyticsInternalApi, type AnalyticsInternalApiOptions } from './AnalyticsInternalApi';
export { type CapturedEvent } from './moment';
