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

/** The access of the moment. `refused` is a token that the service has just refused. */
export type Identify = (refused?: string) => Promise<Access>;

/**
 * Backstage keeps what this returns waiting until somebody has signed in, and renews the token when its time comes.
 * `host` takes the place of the portal's own backend.
 *
 * A portal keeps a token until it expires, also one that nobody takes any more because the backend has been restarted
 * with other keys. In the place of such a token comes one that is asked for here, until the portal has a new one itself.
 *
 * The access rejects when the portal cannot tell.
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
 * A new token of `user`, asked for as the portal's own sign-in did it: which provider that was only the sign-in knows,
 * but the browser knows what was loaded. Undefined when there was none, or none that knows this user.
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
    // The portal's own token is tried again later.
  }
  return undefined;
}

/** A host alone gets the path of the service; an address with a path is taken as it is, as the original did. */
function addressAt(host: string): string {
  return host.replace(/^(\w+:\/\/[^/]+)\/?$/, '$1/api/analytics-internal/events');
}
