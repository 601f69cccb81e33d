"""From an event to its row: texts replaced by the integers that name them."""

from __future__ import annotations

from collections.abc import Iterable

from analytics_internal.event import Event
from analytics_internal.log.connection import Connection
from analytics_internal.log.names import Names

EVENT_COLUMNS = (
    "batch_id", "ordinal", "id", "occurred_at", "received_at", "content_hash", "item_id", "person_id", "plugin_id",
    "entity_id", "path_id", "context_id", "is_imported", "value", "session_id", "attributes", "original_subject",
)  # fmt: skip


class Rows:
    """Makes rows of events, and the names they need."""

    def __init__(self) -> None:
        self._actions = Names("action", ("name",), ("text",))
        self._items = Names("item", ("action_id", "subject", "path"), ("integer", "text", "text"))
        self._people = Names("person", ("ref",), ("text",))
        self._plugins = Names("plugin", ("name",), ("text",))
        self._entities = Names("entity", ("ref",), ("text",))
        self._paths = Names("path", ("name",), ("text",))
        self._contexts = Names("context", ("content",), ("jsonb",))

    async def of(self, connection: Connection, events: list[Event]) -> list[tuple[object, ...]]:
        """The events' rows in the order of ``EVENT_COLUMNS`` from ``id`` on."""
        actions = await self._actions.resolve(connection, {(event.action,) for event in events})
        items = await self._items.resolve(
            connection, {(actions[(event.action,)], event.subject, event.path) for event in events}, key_columns=2
        )
        people = await self._people.resolve(connection, _present(event.person for event in events))
        plugins = await self._plugins.resolve(connection, _present(event.plugin for event in events))
        entities = await self._entities.resolve(connection, _present(event.entity_ref for event in events))
        paths = await self._paths.resolve(connection, _present(event.path for event in events))
        contexts = await self._contexts.resolve(connection, _present(event.context for event in events))
        return [
            (
                event.id,
                event.occurred_at,
                event.received_at,
                event.content_hash,
                items[actions[(event.action,)], event.subject],
                people.get((event.person,)),
                plugins.get((event.plugin,)),
                entities.get((event.entity_ref,)),
                paths.get((event.path,)),
                contexts.get((event.context,)),
                event.is_imported,
                event.value,
                event.session_id,
                event.attributes,
                event.original_subject,
            )
            for event in events
        ]


def _present(values: Iterable[object]) -> set[tuple[object, ...]]:
    return {(value,) for value in values if value is not None}
