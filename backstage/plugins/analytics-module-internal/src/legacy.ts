/**
 * The package for the legacy frontend system only, without the libraries of the new one.
 *
 * @packageDocumentation
 */
export { AnalyticsInternalApi, type AnalyticsInternalApiOptions } from './AnalyticsInternalApi';
export { type CapturedEvent } from './moment';
