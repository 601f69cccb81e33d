"""Which fields of an event leave the company, and under which names. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from analytics_internal.forward.outgoing import Outgoing, Scalar

ALWAYS = ("position", "id", "occurredAt", "action", "subject")
"""What makes an event one: receivers tell events apart by it, and types write their names and times with it."""
TOP_LEVEL = {field.encode_name: field.name for field in msgspec.structs.fields(Outgoing)}
"""The names that receivers see, and the attributes of `Outgoing` that they stand for."""
DROPPABLE = tuple(name for name in TOP_LEVEL if name not in ALWAYS)
NESTED = ("attributes", "context")
ALLOWED_TO_DROP = ", ".join((*DROPPABLE, *(f"{name}.<name>" for name in NESTED)))
ALLOWED_TO_RENAME = ", ".join((*TOP_LEVEL, *(f"{name}.<name>" for name in NESTED)))

Change = Callable[[Outgoing], Outgoing]


def is_nested(name: str) -> bool:
    """Whether a name is that of one attribute, or of one entry of the context."""
    parent, dot, rest = name.partition(".")
    return parent in NESTED and dot != "" and rest != ""


def problems_of(drop: Sequence[str], rename: Mapping[str, str], takes_documents: bool) -> Iterator[str]:
    """What is wrong with the setting ``fields`` of a destination, one sentence for each error."""
    for name in drop:
        if name in ALWAYS:
            yield f"fields.drop: {name} cannot be left out; allowed are {ALLOWED_TO_DROP}"
        elif name not in DROPPABLE and not is_nested(name):
            yield f"fields.drop: there is no field {name!r}; allowed are {ALLOWED_TO_DROP}"
    for name, new in rename.items():
        if name in TOP_LEVEL:
            yield from _problems_of_top_level(name, new, takes_documents)
        elif not is_nested(name):
            yield f"fields.rename: there is no field {name!r}; allowed are {ALLOWED_TO_RENAME}"
        elif not is_nested(new) or new.partition(".")[0] != name.partition(".")[0]:
            yield f"fields.rename: {name} can become {name.partition('.')[0]}.<another name>, not {new!r}"
        if name in drop or (is_nested(name) and name.partition(".")[0] in drop):
            yield f"fields.rename: {name} is left out (fields.drop), and cannot have another name"
    yield from _collisions(drop, rename)


def _problems_of_top_level(name: str, new: str, takes_documents: bool) -> Iterator[str]:
    if not takes_documents:
        yield (
            f"fields.rename: {name} has a place of its own at receivers of this type; only attributes.<name> and "
            "context.<name> can be renamed"
        )
    if not new.strip() or "." in new:
        yield f"fields.rename: the new name of {name} must be a text without a dot, not {new!r}"


def _collisions(drop: Sequence[str], rename: Mapping[str, str]) -> Iterator[str]:
    for new, times in Counter(rename.values()).items():
        if times > 1:
            yield f"fields.rename: {times} fields would be named {new}"
        if new in TOP_LEVEL and new not in rename and new not in drop:
            yield f"fields.rename: there is a field {new} already; leave it out (fields.drop) or rename it as well"


def change_of(drop: Sequence[str], rename: Mapping[str, str]) -> Change:
    """Leaves out and renames fields of an event. Top-level fields are renamed where events are encoded.

    An attribute that has the new name of another one already gives way to it.
    """
    nothing: dict[str, Any] = {TOP_LEVEL[name]: None for name in drop if name in TOP_LEVEL and name != "imported"}
    if "imported" in drop:
        nothing["imported"] = False
    nested = {parent: _change_of_nested(parent, drop, rename) for parent in NESTED if parent not in drop}
    changes = {parent: change for parent, change in nested.items() if change is not None}
    if not nothing and not changes:
        return lambda event: event

    def changed(event: Outgoing) -> Outgoing:
        found = {parent: change(getattr(event, parent)) for parent, change in changes.items()}
        return msgspec.structs.replace(event, **nothing, **found)

    return changed


_Entries = dict[str, Scalar] | None


def _change_of_nested(
    parent: str, drop: Sequence[str], rename: Mapping[str, str]
) -> Callable[[_Entries], _Entries] | None:
    def below(name: str) -> str:
        return name.removeprefix(f"{parent}.")

    dropped = {below(name) for name in drop if name.startswith(f"{parent}.")}
    renamed = {below(name): below(new) for name, new in rename.items() if name.startswith(f"{parent}.")}
    if not dropped and not renamed:
        return None

    def changed(entries: _Entries) -> _Entries:
        if entries is None:
            return None
        kept = {name: value for name, value in entries.items() if name not in dropped and name not in renamed}
        kept |= {new: entries[name] for name, new in renamed.items() if name in entries}
        return kept or None

    return changed
