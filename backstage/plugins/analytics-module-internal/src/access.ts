import { type DiscoveryApi, type IdentityApi } from '@backstage/core-plugin-api';

/** Who is signed in, with what proof, and where the service takes events. */
export interface Access {
  user: string;
  /** Missing where the portal has no backend to give one. */
  token?: string;
  address: string;
}

/** What the portal around us offers. */
export interface Portal {
  identityApi: IdentityApi;
  discoveryApi: DiscoveryApi;
}

/**
 * The access of the moment. Backstage keeps this waiting until somebody has signed in, and renews the token when its
 * time comes. `host` takes the place of the portal's own backend.
 *
 * Rejects when the portal cannot tell.
 */
export async function accessOf({ identityApi, discoveryApi }: Portal, host: string): Promise<Access> {
  const [{ userEntityRef: user }, { token }, base] = await Promise.all([
    identityApi.getBackstageIdentity(),
    identityApi.getCredentials(),
    host || discoveryApi.getBaseUrl('analytics-internal'),
  ]);
  return { user, token, address: host ? addressAt(host) : `${base}/events` };
}

/** A host alone gets the path of the service; an address with a path is taken as it is, as the original did. */
function addressAt(host: string): string {
  return host.replace(/^(\w+:\/\/[^/]+)\/?$/, '$1/api/analytics-internal/events');
}
