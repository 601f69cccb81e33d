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
 * What {@link AnalyticsInternalApi} needs of the portal.
 *
 * @public
 */
export interface AnalyticsInternalApiOptions {
  /** Says who is signed in. */
  identityApi: IdentityApi;
  /** Knows where the backend of the plugin `analytics-internal` is. */
  discoveryApi: DiscoveryApi;
}

/**
 * Captures the portal's analytics events and brings them to analytics-internal, configured under
 * `app.analytics.internal`. Make one for an app.
 *
 * @public
 */
export class AnalyticsInternalApi implements AnalyticsApi {
  private readonly capture?: Capture;

  /** The implementation as the app's config says; a value that is not allowed is named on the console. */
  static fromConfig(config: ConfigApi, options: AnalyticsInternalApiOptions): AnalyticsInternalApi {
    return new AnalyticsInternalApi(config, options);
  }

  constructor(config: ConfigApi, options: AnalyticsInternalApiOptions) {
    const settings = readSettings(config);
    if (settings.enabled) this.capture = startCapture(settings, options);
  }

  /** Takes an event. Returns at once, never throws, and leaves the event as it is. */
  captureEvent(event: CapturedEvent): void {
    try {
      this.capture?.(event);
    } catch (error) {
      warn('not captured', event, error);
    }
  }
}
