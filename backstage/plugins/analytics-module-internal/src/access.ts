import { type DiscoveryApi, type IdentityApi } from '@backstage/core-plugin-api';

/** Who is signed in, that user's token, and the address that takes events. */
export interface Access {
  user: string;
  /** Missing if the portal has no backend that issues tokens. */
  token?: string;
  address: string;
}

/** The portal's APIs that we use. */
export interface Portal {
  identityApi: IdentityApi;
  discoveryApi: DiscoveryApi;
}

/** Returns the current access. `refused` is a token that the service has just refused. */
export type Identify = (refused?: string) => Promise<Access>;

/**
 * The function that this returns waits until somebody has signed in. Backstage renews the token when it expires.
 * `host` replaces the portal's own backend.
 *
 * A portal keeps a token until it expires, even if the backend was restarted with other keys and refuses it. Then we
 * request a new token ourselves, and use it until the portal has a new one.
 *
 * The returned promise rejects when the portal cannot tell who is signed in.
 */
export function createAccess({ identityApi, discoveryApi }: Portal, host: string): Identify {
  let spent: string | undefined;
  let renewed: string | undefined;
  return async (refused) => {
    const [{ userEntityRef: user }, { token }, base] = await Promise.all([
      identityApi.getBackstageIdentity(),
      identityApi.getCredentials(),
      host || discoveryApi.getBaseUrl('analytics-internal'),
    ]);
    if (refused && (refused === token || refused === renewed)) {
      spent = token;
      renewed = await newTokenOf(user, discoveryApi);
    }
    return {
      user,
      token: (token === spent && renewed) || token,
      address: host ? addressAt(host) : `${base}/events`,
    };
  };
}

/**
 * A new token of `user`, requested as the portal's sign-in did it. Only the sign-in knows the provider, but the
 * browser knows which addresses were loaded. Undefined if none was loaded, or none returns a token of this user.
 */
async function newTokenOf(user: string, discoveryApi: DiscoveryApi): Promise<string | undefined> {
  try {
    const base = await discoveryApi.getBaseUrl('auth');
    const isRefresh = (address: string) =>
      /^\/[^/]+\/refresh$/.test(address.split('?')[0]!.slice(base.length));
    const loaded = performance.getEntriesByType('resource').map(({ name }) => name);
    for (const address of new Set(loaded.filter((name) => name.startsWith(base) && isRefresh(name)))) {
      const response = await fetch(address, {
        credentials: 'include',
        headers: { 'X-Requested-With': 'XMLHttpRequest' },
      });
      const { backstageIdentity } = response.ok ? await response.json() : {};
      if (backstageIdentity?.identity?.userEntityRef === user) return backstageIdentity.token;
    }
  } catch {
    // We try the portal's own token again later.
  }
  return undefined;
}

/** Adds the service's path to a host. An address that has a path stays unchanged, as in the original plugin. */
function addressAt(host: string): string {
  return host.replace(/^(\w+:\/\/[^/]+)\/?$/, '$1/api/analytics-internal/events');
}
