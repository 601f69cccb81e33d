"""The query language's filters as a test of one event: the same answer as the same filter in a question. Pure.

What a dimension is of an event follows from its declaration (`analytics_internal.dimensions`), as the reader's tables
do. A dimension of a table that events are not read with is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from analytics_internal.dimensions import CONTEXT, DECLARED, DISCOVER, MAX_ATTRIBUTE_TEXT, DayTable, Dimension
from analytics_internal.event import (
    LOCATIONS,
    MAX_NAME_LENGTH,
    composed,
    decoded,
    plugin_of,
    plugin_of_path,
    plugin_of_stored_context,
)
from analytics_internal.forward.lowering import lowered
from analytics_internal.forward.reading import Item, LogEvent
from analytics_internal.query import language

Predicate = Callable[[LogEvent], bool]
_TextOf = Callable[[LogEvent], str | None]
_Row = Mapping[str, Any]

ROWS: dict[str, Callable[[LogEvent], _Row | None]] = {
    "action": lambda event: {"name": event.action},
    "item": lambda event: {"subject": event.item[1], "action": event.action},
    "attributes": lambda event: _attributes_of(event.attributes) if event.attributes is not None else None,
    "person": lambda event: {"ref": event.user} if event.user is not None else None,
    "agent": lambda event: {"name": event.agent} if event.agent is not None else None,
    "plugin": lambda event: {"name": plugin} if (plugin := _plugin_of(event)) is not None else None,
    "entity": lambda event: {"ref": event.entity} if event.entity is not None else None,
    "path": lambda event: {"name": event.path} if event.path is not None else None,
    "context": lambda event: _members_of(event.context) if event.context is not None else None,
}
"""What an event has of each table of names: the row, or None if it has none."""
CANNOT_BE_KNOWN = (
    "search_term cannot decide about `discover` events here: the search before such a click may be stored after it. "
    'Allowed is a search_term of other events, as in ["and", ["is", "action", ["search"]], ["contains", '
    '"search_term", ["…"]]] or ["and", ["is_not", "action", ["discover"]], …]'
)

_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def problem_of(filter_: language.Filter) -> str | None:
    """Why events cannot be told by this filter one by one; None if they can."""
    for dimension in sorted(set(_dimensions_of(filter_))):
        declared = DECLARED[dimension]
        if isinstance(declared.table, DayTable):
            return f"destinations cannot be filtered by {dimension}: the portal's catalog may change until the day ends"
        if declared.end_of_session is not None:
            return f"destinations cannot be filtered by {dimension}: the session may go on, or begin with a late event"
        if not declared.parts and declared.table.name not in ROWS:
            return f"destinations cannot be filtered by {dimension}"
    return CANNOT_BE_KNOWN if _of_discover(filter_) == "by its search" else None


def items_in(filter_: language.Filter) -> set[int]:
    """The ids of the items that a filter names."""
    if isinstance(filter_, language.All | language.Any):
        return {id_ for part in filter_.filters for id_ in items_in(part)}
    if isinstance(filter_, language.Not):
        return items_in(filter_.filter)
    return {value for value in filter_.values if isinstance(value, int)} if DECLARED[filter_.dimension].parts else set()


def predicate(filter_: language.Filter, items: Mapping[int, Item]) -> Predicate:
    """A filter for which there is no ``problem_of`` as a test of events.

    ``items`` says what the items in it are: an id that was replaced by another one leads to the same item.
    """
    if isinstance(filter_, language.All | language.Any):
        parts = [predicate(part, items) for part in filter_.filters]
        if isinstance(filter_, language.All):
            return lambda event: all(part(event) for part in parts)
        return lambda event: any(part(event) for part in parts)
    if isinstance(filter_, language.Not):
        negated = predicate(filter_.filter, items)
        return lambda event: not negated(event)
    if DECLARED[filter_.dimension].parts:
        assert isinstance(filter_, language.Is), "only ids are compared with items"
        return _is_item(filter_, items)
    return _on_text(_text_of(DECLARED[filter_.dimension]), _test_of(filter_))


def _on_text(text_of: _TextOf, holds: Callable[[str | None], bool]) -> Predicate:
    return lambda event: holds(text_of(event))


def _dimensions_of(filter_: language.Filter) -> list[str]:
    if isinstance(filter_, language.All | language.Any):
        return [name for part in filter_.filters for name in _dimensions_of(part)]
    return _dimensions_of(filter_.filter) if isinstance(filter_, language.Not) else [filter_.dimension]


def _is_item(filter_: language.Is, items: Mapping[int, Item]) -> Predicate:
    ids = items_in(filter_)
    keys = {items[id_] for id_ in ids if id_ in items}

    def holds(event: LogEvent) -> bool:
        if event.item_id in ids:
            keys.add(event.item)  # its item was made after the filter was
        return (event.item in keys) != filter_.is_negated

    return holds


def _text_of(declared: Dimension) -> _TextOf:
    """The text of a dimension that the reader would have for an event."""
    row_of, derive = ROWS[declared.table.name], declared.table.derived.get(declared.text)
    name = declared.member if declared.member is not None else declared.text

    def text_of(event: LogEvent) -> str | None:
        row = row_of(event)
        if row is None:
            return None
        text: str | None = derive(row) if derive is not None else row.get(name)
        return text

    return text_of


def _attributes_of(attributes: bytes) -> _Row:
    """The attributes with their values as texts (`conditions.text_of`)."""
    try:
        written = {name: bytes(value) for name, value in _raw_fields.decode(attributes).items()}
    except msgspec.DecodeError:
        return {}
    # Numbers and truth values are texts as they are written.
    texts = {
        name: msgspec.json.decode(value) if value.startswith(b'"') else value.decode()
        for name, value in written.items()
    }
    return {name: text[:MAX_ATTRIBUTE_TEXT] for name, text in texts.items()}


def _plugin_of(event: LogEvent) -> str | None:
    """The plugin that the reader counts an event for."""
    of_context = plugin_of_stored_context(_members_of(event.context)) if event.context is not None else None
    is_there = event.path is not None and event.action in LOCATIONS
    return plugin_of(event.plugin, of_context, plugin_of_path(event.path or "") if is_there else None)


def _members_of(context: bytes) -> _Row:
    """The texts of a context that the reader reads (`Table.read`)."""
    try:
        fields: object = msgspec.json.decode(context)
    except msgspec.DecodeError:
        fields = None
    found = fields if isinstance(fields, dict) else {}
    texts = {name: found.get(name) for name in CONTEXT.members}
    return {name: text[: MAX_NAME_LENGTH + 1] if isinstance(text, str) else None for name, text in texts.items()}


def _test_of(filter_: language.Is | language.Contains) -> Callable[[str | None], bool]:
    """A comparison as a test of its dimension's text. As in SQL, what has no text contains nothing."""
    declared = DECLARED[filter_.dimension]
    if isinstance(filter_, language.Is):
        given = [value for value in filter_.values if value is not None]
        values: set[str | None] = {text for value in given for text in declared.compared_as(str(value))}
        values |= {None} if None in filter_.values else set()
        return (lambda text: text not in values) if filter_.is_negated else (lambda text: text in values)
    if (searched_as := declared.searched_as) is not None:
        folded_texts = [searched_as(value) for value in filter_.values]
        return lambda text: text is not None and any(part in text for part in folded_texts)
    spellings = dict.fromkeys(text for value in filter_.values for text in (composed(value), decoded(value)))
    texts = [lowered(text) for text in spellings]

    def contains(text: str | None) -> bool:
        if text is None:
            return False
        in_small_letters = lowered(text)
        return any(part in in_small_letters for part in texts)

    return contains


_Outcome = Literal["yes", "no", "by itself", "by its search"]


def _of_discover(filter_: language.Filter) -> _Outcome:
    """What a filter says of `discover` events: the same of all, something that follows from the event, or from another.

    "by its search" may be too careful: then the filter can be written in a simpler way.
    """
    if isinstance(filter_, language.Not):
        inner = _of_discover(filter_.filter)
        return {"yes": "no", "no": "yes"}.get(inner, inner)  # type: ignore[return-value]
    if isinstance(filter_, language.All | language.Any):
        decides: _Outcome = "no" if isinstance(filter_, language.All) else "yes"
        outcomes = {_of_discover(part) for part in filter_.filters}
        for outcome in (decides, "by its search", "by itself"):
            if outcome in outcomes:
                return outcome
        return "yes" if decides == "no" else "no"
    declared = DECLARED[filter_.dimension]
    if declared.is_of_search:
        return "by its search"
    if declared is not DECLARED["action"]:
        return "by itself"
    return "yes" if _test_of(filter_)(DISCOVER) else "no"
