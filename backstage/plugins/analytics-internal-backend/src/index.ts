/**
 * The bridge to analytics-internal: forwards `/api/analytics-internal` of a Backstage backend to the Python service.
 * The bridge starts the service, or the service runs elsewhere.
 *
 * @packageDocumentation
 */

export { analyticsInternalPlugin as default } from './plugin';
export { auditorWithMcpCalls } from './mcpCalls';
export type { McpCallsOptions } from './mcpCalls';
