import { createBackendModule } from '@backstage/backend-plugin-api';
import { AuthorizeResult, type PolicyDecision } from '@backstage/plugin-permission-common';
import {
  type PermissionPolicy,
  type PolicyQuery,
  type PolicyQueryUser,
} from '@backstage/plugin-permission-node';
import { policyExtensionPoint } from '@backstage/plugin-permission-node/alpha';

const PLATFORM_TEAM = 'group:default/platform-team';

/** Permissions of the platform team only. Everyone who is signed in has all others, also to read figures. */
const PLATFORM_TEAM_ONLY = new Set(['analytics-internal.people.read', 'analytics-internal.admin']);

class PortalPolicy implements PermissionPolicy {
  async handle({ permission }: PolicyQuery, user?: PolicyQueryUser): Promise<PolicyDecision> {
    const isAllowed =
      !PLATFORM_TEAM_ONLY.has(permission.name) || user?.info.ownershipEntityRefs.includes(PLATFORM_TEAM);
    return { result: isAllowed ? AuthorizeResult.ALLOW : AuthorizeResult.DENY };
  }
}

/** The portal's permission policy: only the platform team sees names. */
export const permissionPolicyModule = createBackendModule({
  pluginId: 'permission',
  moduleId: 'portal-policy',
  register(registry) {
    registry.registerInit({
      deps: { policy: policyExtensionPoint },
      async init({ policy }) {
        policy.setPolicy(new PortalPolicy());
      },
    });
  },
});
