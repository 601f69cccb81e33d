"""What a caller may read: figures, names, and the service's administration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from analytics_internal.subject import normalise_entity_ref

Permission = Literal["analytics-internal.read", "analytics-internal.people.read", "analytics-internal.admin"]
READ: Permission = "analytics-internal.read"
PEOPLE_READ: Permission = "analytics-internal.people.read"
ADMIN: Permission = "analytics-internal.admin"


class May(msgspec.Struct, frozen=True):
    """What one caller may read."""

    read: bool = False
    """Figures, which name nobody."""
    people: bool = False
    """Who did what."""
    admin: bool = False


EVERYTHING = May(read=True, people=True, admin=True)


class Lists:
    """Decides by the settings ``readers``, ``people_readers`` and ``admins``.

    Whoever may read names or administer may read figures too. An administrator does not read names by that alone.
    """

    def __init__(self, readers: Sequence[str], people_readers: Sequence[str], admins: Sequence[str]) -> None:
        self._readers, self._people_readers, self._admins = map(_normalised, (readers, people_readers, admins))

    def may(self, refs: Collection[str]) -> May:
        """What somebody may read who is these entities: the person and the groups it belongs to, normalised."""
        people = not self._people_readers.isdisjoint({"*", *refs})
        admin = not self._admins.isdisjoint({"*", *refs})
        read = people or admin or not self._readers.isdisjoint({"*", *refs})
        return May(read, people, admin)


def _normalised(refs: Sequence[str]) -> frozenset[str]:
    return frozenset("*" if ref == "*" else str(normalise_entity_ref(ref, "user")) for ref in refs)
