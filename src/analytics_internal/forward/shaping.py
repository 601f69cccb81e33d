"""What becomes of an event on its way to one destination: filtered, without people's names, with the asked fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from analytics_internal.forward.configuration import Configured
from analytics_internal.forward.fields import change_of
from analytics_internal.forward.outgoing import Outgoing, Scalar
from analytics_internal.forward.people import SOMEBODY, People
from analytics_internal.forward.predicate import Predicate, items_in, predicate
from analytics_internal.forward.pseudonyms import Pseudonyms, key_in
from analytics_internal.forward.reading import Item, LogEvent, items
from analytics_internal.log import Connection
from analytics_internal.query import parse_filter

_fields = msgspec.json.Decoder(dict[str, Scalar])


class Shaper:
    """Shapes events as one destination is configured."""

    def __init__(self, configured: Configured, key: bytes, items: Mapping[int, Item] | None = None) -> None:
        """``key``: of the installation's pseudonyms. ``items``: those that the filters name (`reading.items`)."""
        filter_ = parse_filter(configured.filters) if configured.filters is not None else None
        self._passes: Predicate = predicate(filter_, items or {}) if filter_ is not None else lambda _: True
        self._with_people = _people_as(configured.people, Pseudonyms(key))
        self._with_fields = change_of(configured.fields.drop, configured.fields.rename)

    @classmethod
    async def prepare(cls, connection: Connection, configured: Configured) -> Shaper:
        """A shaper with all that it needs of the database: call it when the work on a destination begins.

        Raises:
            asyncpg.PostgresError: the database does not answer.
        """
        filter_ = parse_filter(configured.filters) if configured.filters is not None else None
        named = items_in(filter_) if filter_ is not None else set()
        return cls(configured, await key_in(connection), await items(connection, named) if named else {})

    def passes(self, event: LogEvent) -> bool:
        """Whether the destination's filters let an event pass."""
        return self._passes(event)

    def shape(self, event: LogEvent) -> Outgoing | None:
        """The event as the receiver may have it; None if it is filtered out."""
        if not self._passes(event):
            return None
        return self._with_fields(self._with_people(_outgoing(event)))


def _people_as(people: str, pseudonyms: Pseudonyms) -> Callable[[Outgoing], Outgoing]:
    if people == "named":
        return lambda event: event
    if people == "pseudonymous":
        return People(pseudonyms.of, keeps_user=True).replaced_in
    return People(lambda _: SOMEBODY, keeps_user=False).replaced_in


def _decoded(text: bytes | None) -> dict[str, Scalar] | None:
    """Attributes or context; where somebody changed them in the database into something else, that is said."""
    if text is None:
        return None
    try:
        return _fields.decode(text)
    except msgspec.DecodeError:
        return {"unknown": "not readable any more"}


def _outgoing(event: LogEvent) -> Outgoing:
    return Outgoing(
        position=event.position,
        id=event.id,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        action=event.action,
        subject=event.subject,
        user=event.user,
        value=event.value,
        attributes=_decoded(event.attributes),
        context=_decoded(event.context),
        session_id=event.session_id,
        imported=event.imported,
        plugin=event.plugin,
        entity=event.entity,
        path=event.path,
        agent=event.agent,
    )
