"""From an event to its row: texts replaced by the integers that name them."""

from __future__ import annotations

from collections.abc import Iterable

from analytics_internal.cache import Cache, size_of
from analytics_internal.event import Event
from analytics_internal.log.connection import Connection
from analytics_internal.log.names import Names

EVENT_COLUMNS = (
    "batch_id", "ordinal", "id", "occurred_at", "received_at", "content_hash", "person_id", "is_imported", "value",
    "session_id", "attributes", "original_subject", "item_id", "plugin_id", "entity_id", "path_id", "context_id",
)  # fmt: skip

Content = tuple[str, str, str | None, str | None, str | None, bytes | None]
"""Action, subject, path, plugin, entity ref and context of an event."""
ContentIds = tuple[int, int | None, int | None, int | None, int | None]
"""The ids of item, plugin, entity, path and context."""


class Rows:
    """Makes rows of events, and the names they need."""

    def __init__(self) -> None:
        self._actions = Names("action", ("name",), ("text",), "actions")
        self._items = Names("item", ("action_id", "subject", "path"), ("integer", "text", "text"), "items")
        self._people = Names("person", ("ref",), ("text",), "people")
        self._plugins = Names("plugin", ("name",), ("text",), "plugins")
        self._entities = Names("entity", ("ref",), ("text",), "entities")
        self._paths = Names("path", ("name",), ("text",), "paths")
        self._contexts = Names("context", ("content",), ("jsonb",), "contexts")
        # What people do again and again costs one look-up instead of six.
        self._known: Cache[Content, ContentIds] = Cache("rows", size_of)

    async def of(self, connection: Connection, events: list[Event]) -> list[tuple[object, ...]]:
        """The events' rows in the order of ``EVENT_COLUMNS`` from ``id`` on."""
        contents = [_content_of(event) for event in events]
        ids = await self._ids_of(connection, contents)
        people = await self._people.resolve(connection, _present(event.person for event in events))
        return [
            (
                event.id,
                event.occurred_at,
                event.received_at,
                event.content_hash,
                people[(event.person,)] if event.person is not None else None,
                event.is_imported,
                event.value,
                event.session_id,
                event.attributes,
                event.original_subject,
                *ids[content],
            )
            for event, content in zip(events, contents, strict=True)
        ]

    async def _ids_of(self, connection: Connection, contents: list[Content]) -> dict[Content, ContentIds]:
        ids: dict[Content, ContentIds] = {}
        unknown: set[Content] = set()
        for content in contents:
            known = self._known.get(content)
            if known is None:
                unknown.add(content)
            else:
                ids[content] = known
        if unknown:
            named = await self._name(connection, unknown)
            for content, content_ids in named.items():
                self._known.put(content, content_ids)
            ids |= named
        return ids

    async def _name(self, connection: Connection, contents: set[Content]) -> dict[Content, ContentIds]:
        actions = await self._actions.resolve(connection, {(action,) for action, *_ in contents})
        items = await self._items.resolve(
            connection,
            {(actions[(action,)], subject, path) for action, subject, path, *_ in contents},
            key_columns=2,
        )
        paths = await self._paths.resolve(connection, _present(content[2] for content in contents))
        plugins = await self._plugins.resolve(connection, _present(content[3] for content in contents))
        entities = await self._entities.resolve(connection, _present(content[4] for content in contents))
        contexts = await self._contexts.resolve(connection, _present(content[5] for content in contents))
        return {
            (action, subject, path, plugin, entity, context): (
                items[actions[(action,)], subject],
                plugins.get((plugin,)),
                entities.get((entity,)),
                paths.get((path,)),
                contexts.get((context,)),
            )
            for action, subject, path, plugin, entity, context in contents
        }


def _content_of(event: Event) -> Content:
    return (event.action, event.subject, event.path, event.plugin, event.entity_ref, event.context)


def _present(values: Iterable[object]) -> set[tuple[object, ...]]:
    return {(value,) for value in values if value is not None}
