/**
 * The bridge to analytics-internal: `/api/analytics-internal` of a Backstage backend, answered by the Python service,
 * which the bridge starts or forwards to.
 *
 * @packageDocumentation
 */

export { analyticsInternalPlugin as default } from './plugin';
