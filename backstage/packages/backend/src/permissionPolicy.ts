import { createBackendModule } from '@backstage/backend-plugin-api';
import { AuthorizeResult, type PolicyDecision } from '@backstage/plugin-permission-common';
import {
  type PermissionPolicy,
  type PolicyQuery,
  type PolicyQueryUser,
} from '@backstage/plugin-permission-node';
import { policyExtensionPoint } from '@backstage/plugin-permission-node/alpha';

const PLATFORM_TEAM = 'group:default/platform-team';

/** What only the platform team may do; everyone who is signed in may do all else, reading figures included. */
const PLATFORM_TEAM_ONLY = new Set(['analytics-internal.people.read', 'analytics-internal.admin']);

class PortalPolicy implements PermissionPolicy {
  async handle({ permission }: PolicyQuery, user?: PolicyQueryUser): Promise<PolicyDecision> {
    const isAllowed =
      !PLATFORM_TEAM_ONLY.has(permission.name) || user?.info.ownershipEntityRefs.includes(PLATFORM_TEAM);
    return { result: isAllowed ? AuthorizeResult.ALLOW : AuthorizeResult.DENY };
  }
}

/** The portal's permission policy: names in the metrics are for the platform team. */
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
