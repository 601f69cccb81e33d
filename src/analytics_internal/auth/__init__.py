"""Who is calling, and what they may read: tokens of the portal, its permissions, groups."""

from analytics_internal.auth.callers import Caller, Callers, NotAllowed
from analytics_internal.auth.framework import Framework, Permission
from analytics_internal.auth.memberships import Memberships
from analytics_internal.auth.permissions import PERMISSIONS, AccessLists, Grants, Permissions, Right
from analytics_internal.auth.portal_backend import PortalBackend, PortalUnavailable
from analytics_internal.auth.portal_tokens import NoPortalToken, PortalTokens
from analytics_internal.auth.tokens import Tokens
