"""What a caller may read: figures, names, and the service's administration.

docs/reference/permissions.md says it in words.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

import msgspec

from analytics_internal.auth.callers import Caller, NotAllowed
from analytics_internal.auth.framework import Framework, Permission, PermissionAttributes
from analytics_internal.auth.memberships import Memberships
from analytics_internal.event import normalise_entity_ref

Right = Literal["read", "people", "admin"]
RIGHTS: tuple[Right, ...] = ("read", "people", "admin")
EVERYONE = "*"
PERMISSIONS: dict[Right, Permission] = {
    "read": Permission("basic", "analytics-internal.read", PermissionAttributes("read")),
    "people": Permission("basic", "analytics-internal.people.read", PermissionAttributes("read")),
    "admin": Permission("basic", "analytics-internal.admin", PermissionAttributes("update")),
}
_WHAT = {"read": "reading usage figures", "people": "reading who did what", "admin": "administering the service"}


class Grants(msgspec.Struct, frozen=True):
    """What one caller may do."""

    read: Annotated[bool, msgspec.Meta(description="Read figures, which name nobody: `analytics-internal.read`")]
    people: Annotated[bool, msgspec.Meta(description="Read who did what: `analytics-internal.people.read`")]
    admin: Annotated[bool, msgspec.Meta(description="Administer the service: `analytics-internal.admin`")]


EVERYTHING = Grants(read=True, people=True, admin=True)


class AccessLists(msgspec.Struct, frozen=True):
    """The settings ``readers``, ``people_readers`` and ``admins``: normalised entity refs, and ``*`` for everyone.

    Whoever may read names or administer may read figures too. An administrator does not read names by that alone.
    """

    names: dict[Right, tuple[str, ...]]
    """The settings that give each right; refusals name them."""
    refs: dict[Right, frozenset[str]]

    @classmethod
    def of(cls, readers: Sequence[str], people_readers: Sequence[str], admins: Sequence[str]) -> AccessLists:
        people, admin = _normalised(people_readers), _normalised(admins)
        return cls(
            names={
                "read": ("readers", "people_readers", "admins"),
                "people": ("people_readers",),
                "admin": ("admins",),
            },
            refs={"read": _normalised(readers) | people | admin, "people": people, "admin": admin},
        )

    def give(self, right: Right, refs: Collection[str]) -> bool:
        """Whether the lists give the right to one of these entities."""
        return not self.refs[right].isdisjoint({EVERYONE, *refs})

    def have_groups(self, right: Right) -> bool:
        return any(ref.startswith("group:") for ref in self.refs[right])


class Permissions:
    """Decides what callers may do: by the portal's permission framework, or by lists."""

    def __init__(
        self, lists: AccessLists, memberships: Memberships | None = None, framework: Framework | None = None
    ) -> None:
        """Without ``memberships`` groups in the lists match nobody; without ``framework`` the lists decide."""
        self._lists = lists
        self._memberships = memberships
        self._framework = framework

    async def may(self, caller: Caller) -> Grants:
        """Everything that a caller may do. Raises PortalUnavailable, Unauthenticated."""
        if caller.reads_everything:
            return EVERYTHING
        return Grants(**{right: await self.allow(caller, right) for right in RIGHTS})

    async def allow(self, caller: Caller, right: Right) -> bool:
        """Whether a caller has a right.

        Raises:
            PortalUnavailable: it depends on the portal, and that does not answer.
            Unauthenticated: the portal does not take the caller's token any more.
        """
        if caller.reads_everything:
            return True
        if self._framework is not None and caller.plugin is None:
            assert caller.token is not None, "a person without a token"
            return PERMISSIONS[right].name in await self._framework.allowed_to(caller.token)
        return await self._is_listed(caller, right)

    async def require(self, caller: Caller, right: Right) -> None:
        """Raises NotAllowed when the caller lacks the right, and as ``allow``."""
        if not await self.allow(caller, right):
            needed = f"{_WHAT[right]} needs the permission `{PERMISSIONS[right].name}`"
            raise NotAllowed(f"{needed}: {self._why(caller, right)}")

    async def _is_listed(self, caller: Caller, right: Right) -> bool:
        assert caller.person is not None, "only a person is looked for in lists"
        if self._lists.give(right, {caller.person}):
            return True
        # The portal is asked only when groups matter: a person in a list, or `*`, does not depend on it.
        if self._memberships is None or not self._lists.have_groups(right):
            return False
        return self._lists.give(right, await self._memberships.of(caller))

    def _why(self, caller: Caller, right: Right) -> str:
        names = " or ".join(f"`{name}`" for name in self._lists.names[right])
        listed = f"the setting {names} names neither the person nor a group that it belongs to"
        if self._framework is None:
            return listed
        if caller.plugin is None:
            return "the portal's permission policy does not give it to you"
        # Backstage refuses the limited token that the plugin was given.
        return f"a plugin that acts for a person is decided by lists, and {listed}"


def _normalised(refs: Sequence[str]) -> frozenset[str]:
    return frozenset(EVERYONE if ref == EVERYONE else str(normalise_entity_ref(ref, "user")) for ref in refs)
