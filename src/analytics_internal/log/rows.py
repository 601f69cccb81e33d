"""Turn events into rows, with ids of the naming tables in place of texts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from analytics_internal.cache import Cache, size_of
from analytics_internal.dimensions import TABLES
from analytics_internal.event import Event
from analytics_internal.log.connection import Connection
from analytics_internal.log.names import Key, Names, digest_of

EVENT_COLUMNS = (
    "batch_id", "ordinal", "id", "occurred_at", "received_at", "content_hash", "person_id", "is_imported", "value",
    "session_id", "attributes", "original_subject", "item_id", "plugin_id", "entity_id", "path_id", "context_id",
    "agent_id",
)  # fmt: skip

Content = tuple[str, str, str | None, str | None, str | None, bytes | None]
"""Action, subject, path, plugin, entity ref and context of an event."""
ContentIds = tuple[int, int | None, int | None, int | None, int | None]
"""The ids of item, plugin, entity, path and context."""
# In a batch's transaction: how many of its names have another id in this database, or none.
COUNT_OTHER_NAMES = "SELECT " + " + ".join(
    f"(SELECT count(*) FROM unnest(${n}::integer[], ${n + 1}::uuid[]) AS used (id, digest) "
    f"WHERE NOT EXISTS (SELECT FROM {table.name} n WHERE n.{table.id_column} = used.id AND n.digest = used.digest))"
    for n, table in zip(itertools.count(1, 2), TABLES.values(), strict=False)
)


class NewNames:
    """Names found or made for one batch and not yet proven by its transaction."""

    def __init__(self) -> None:
        self.ids: dict[str, dict[Key, int]] = {table: {} for table in TABLES}
        self.contents: dict[Content, ContentIds] = {}

    async def hold(self, connection: Connection) -> bool:
        """Whether each name has the same number in the database of the current transaction."""
        if not any(self.ids.values()):
            return True
        used = [column for ids in self.ids.values() for column in (list(ids.values()), [digest_of(key) for key in ids])]
        other: int = await connection.fetchval(COUNT_OTHER_NAMES, *used)
        return other == 0


class Rows:
    """Turns events into rows and makes the names they need."""

    def __init__(self) -> None:
        self._names = {name: Names(table) for name, table in TABLES.items()}
        # A repeated content costs one look-up instead of six.
        self._known: Cache[Content, ContentIds] = Cache("rows", size_of)

    async def of(self, connection: Connection, events: list[Event]) -> tuple[list[tuple[object, ...]], NewNames]:
        """The events' rows (``EVENT_COLUMNS`` from ``id`` on) and the names still to be proven."""
        new = NewNames()
        contents = [_content_of(event) for event in events]
        ids = await self._ids_of(connection, contents, new)
        people = await self._resolve(connection, "person", _present(event.person for event in events), new)
        agents = await self._resolve(connection, "agent", _present(event.agent for event in events), new)
        rows: list[tuple[object, ...]] = [
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
                agents[(event.agent,)] if event.agent is not None else None,
            )
            for event, content in zip(events, contents, strict=True)
        ]
        return rows, new

    def remember(self, proven: NewNames) -> None:
        """Remember these names as proven: a committed batch has used them."""
        for table, ids in proven.ids.items():
            self._names[table].remember(ids)
        for content, ids_of_content in proven.contents.items():
            self._known.put(content, ids_of_content)

    async def _resolve(self, connection: Connection, table: str, rows: Iterable[Key], new: NewNames) -> dict[Key, int]:
        return await self._names[table].resolve(connection, rows, new.ids[table])

    async def _ids_of(
        self, connection: Connection, contents: list[Content], new: NewNames
    ) -> dict[Content, ContentIds]:
        ids: dict[Content, ContentIds] = {}
        unknown: set[Content] = set()
        for content in contents:
            known = self._known.get(content)
            if known is None:
                unknown.add(content)
            else:
                ids[content] = known
        if unknown:
            new.contents = await self._name(connection, unknown, new)
            ids |= new.contents
        return ids

    async def _name(self, connection: Connection, contents: set[Content], new: NewNames) -> dict[Content, ContentIds]:
        actions = await self._resolve(connection, "action", {(action,) for action, *_ in contents}, new)
        subjects = {(actions[(action,)], subject, path) for action, subject, path, *_ in contents}
        items = await self._resolve(connection, "item", subjects, new)
        paths = await self._resolve(connection, "path", _present(content[2] for content in contents), new)
        plugins = await self._resolve(connection, "plugin", _present(content[3] for content in contents), new)
        entities = await self._resolve(connection, "entity", _present(content[4] for content in contents), new)
        contexts = await self._resolve(connection, "context", _present(content[5] for content in contents), new)
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
