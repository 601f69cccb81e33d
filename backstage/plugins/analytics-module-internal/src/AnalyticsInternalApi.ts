import {
  type AnalyticsApi,
  type ConfigApi,
  type DiscoveryApi,
  type IdentityApi,
} from '@backstage/core-plugin-api';
import { type Capture, startCapture } from './capture';
import { type CapturedEvent } from './moment';
import { readSettings } from './settings';
import { warn } from './tell';

/**
 * The portal's APIs that {@link AnalyticsInternalApi} needs.
 *
 * @public
 */
export interface AnalyticsInternalApiOptions {
  /** Tells who is signed in. */
  identityApi: IdentityApi;
  /** Knows the address of the plugin `analytics-internal`'s backend. */
  discoveryApi: DiscoveryApi;
}

/**
 * Captures the portal's analytics events and sends them to analytics-internal. Configured under
 * `app.analytics.internal`. An app needs exactly one.
 *
 * @public
 */
export class AnalyticsInternalApi implements AnalyticsApi {
  private readonly capture?: Capture;

  /** The implementation with the app's config. A value that is not allowed is reported on the console. */
  static fromConfig(config: ConfigApi, options: AnalyticsInternalApiOptions): AnalyticsInternalApi {
    return new AnalyticsInternalApi(config, options);
  }

  constructor(config: ConfigApi, options: AnalyticsInternalApiOptions) {
    const settings = readSettings(config);
    // Tests and tools may load an app where there is no page.
    if (settings.enabled && globalThis.document) this.capture = startCapture(settings, options);
  }

  /** Captures an event. Returns at once, never throws, and does not change the event. */
  captureEvent(event: CapturedEvent): void {
    try {
      this.capture?.(event);
    } catch (error) {
      warn('not captured', event, error);
    }
  }
}
