"""The log's names as they are derived today. What is stored is never changed; several stored names may now be one.

A stored name whose spelling has changed, or that is now the same as another one, stands in the reader's table
``respelled`` with the id under which it is counted: none where it is no longer taken for a name of its kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from analytics_internal.event import spelled_entity_ref, stored_path, stored_subject
from analytics_internal.log import unknown

Row = tuple[object, ...]
Key = tuple[object, ...]
RESPELLED = ("item", "path", "entity", "plugin")
"""The tables whose names are derived anew."""


class Derived(msgspec.Struct, frozen=True):
    """A stored name as it is today."""

    id: int
    row: Row | None
    """Id and name as the reader holds them; None where nothing is named any more."""
    key: Key
    is_respelled: bool


class Settled(msgspec.Struct, frozen=True):
    """What becomes of some stored names."""

    rows: list[Row]
    """Those that are names of their own."""
    counted_as: dict[int, int | None]
    """The id that each of the others, and of those whose spelling has changed, is counted as."""
    shared: dict[Key, int]
    """The ids of the names that another stored name may turn out to be, by key."""


def derived(table: str, rows: Iterable[Sequence[object]], actions: Mapping[object, str]) -> list[Derived]:
    """Stored rows of one kind of name, as they are derived today. ``actions`` names the items' actions."""
    return [_derived(table, tuple(row), actions) for row in rows]


def _derived(table: str, row: Row, actions: Mapping[object, str]) -> Derived:
    new: Row | None
    match table:
        case "item":
            id_, action_id, subject, path = row
            subject = stored_subject(actions.get(action_id, ""), str(subject))
            new = (id_, action_id, subject, stored_path(str(path)) if path is not None else None)
            key: Key = (action_id, subject)
        case "path":
            id_, name = row
            is_lost = name == unknown("path", int(str(id_)))
            found = str(name) if is_lost else stored_path(str(name))
            new, key = ((id_, found), (found,)) if found is not None else (None, ())
        case "entity":
            id_, ref = row
            ref = spelled_entity_ref(str(ref)) or ref
            new, key = (id_, ref), (ref,)
        case "plugin":
            id_, name = row
            new, key = row, (name,)  # it may have been derived before it was stored
        case _:
            raise AssertionError(f"{table} is not derived anew")
    return Derived(int(str(id_)), new, key, is_respelled=new != row and (table != "item" or row[2] != key[1]))


def settle(names: Sequence[Derived], known: Mapping[Key, int]) -> Settled:
    """Find out which of these names are one. ``known`` are the ids of those that the reader has, by key.

    The one that is spelled as today, if any, is what the others are counted as: links to it are the most.
    """
    ids = dict(known)
    changed = {name.key for name in names if name.is_respelled and name.row is not None}
    settled = Settled([], {}, {})
    for name in sorted(names, key=lambda name: name.is_respelled):
        if name.row is None:
            settled.counted_as[name.id] = None
            continue
        counted_as = ids.get(name.key)
        if counted_as is None:
            settled.rows.append(name.row)
            if name.key in changed:
                ids[name.key] = settled.shared[name.key] = name.id
        elif not name.is_respelled:
            settled.shared[name.key] = counted_as
        if name.is_respelled or counted_as is not None:
            settled.counted_as[name.id] = counted_as if counted_as is not None else name.id
    return settled


def has_moved(counted_as: Mapping[int, int | None]) -> bool:
    """Whether any of the stored names is counted as another one, or as none."""
    return any(stored != id_ for stored, id_ in counted_as.items())


def one_for_all(items: Sequence[Sequence[object]], actions: Mapping[object, str]) -> dict[int, int]:
    """For each stored item that is the same as another one today, one id that stands for all of them."""
    names = derived("item", items, actions)
    changed = {name.key for name in names if name.is_respelled}
    first: dict[Key, int] = {}
    for name in names:
        if name.key in changed:
            first.setdefault(name.key, name.id)
    return {name.id: first[name.key] for name in names if name.key in first}
