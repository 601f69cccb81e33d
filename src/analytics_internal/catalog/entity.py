"""An entity of the portal's catalog: what is kept of it, and how that is found in Backstage's form of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from analytics_internal.errors import AnalyticsError
from analytics_internal.event import composed, normalise_entity_ref

MAX_TEXT_LENGTH = 500
DOCS_ANNOTATIONS = "backstage.io/techdocs-ref", "backstage.io/techdocs-entity"
TIME_SAVED = "backstage.io/time-saved"
_unstorable = re.compile("[\x00\ud800-\udfff]")
# Weeks, days, hours, minutes and seconds: of months and years it is not known how long they are.
_number = r"(\d+(?:[.,]\d+)?)"
_duration = re.compile(rf"P(?:{_number}W)?(?:{_number}D)?(?:T(?:{_number}H)?(?:{_number}M)?(?:{_number}S)?)?", re.I)
_MINUTES = 7 * 24 * 60, 24 * 60, 60, 1, 1 / 60


class NotAnEntity(AnalyticsError):
    """Something in a catalog is no entity; the message says why."""


class Entity(msgspec.Struct, frozen=True):
    """What is kept of an entity. Refs are lower-cased and complete, but for ``shown_ref``."""

    ref: str
    shown_ref: str
    kind: str
    title: str | None = None
    type: str | None = None
    lifecycle: str | None = None
    owner: str | None = None
    system: str | None = None
    domain: str | None = None
    """As the entity itself says; that of its system is added later (versions.py)."""
    tags: tuple[str, ...] = ()
    has_docs: bool = False
    minutes_saved: float | None = None
    groups: frozenset[str] = frozenset()
    """The groups that this user or group is in."""
    members: frozenset[str] = frozenset()
    """The users and groups that are in this group."""


def entity_of(found: object) -> Entity:
    """An entity from what the catalog's API, or a ``catalog-info`` document, says of it. Raises NotAnEntity."""
    if not isinstance(found, Mapping):
        raise NotAnEntity("is no object")
    metadata, spec = _object(found, "metadata"), _object(found, "spec")
    kind, name = found.get("kind"), metadata.get("name")
    if not isinstance(kind, str) or not isinstance(name, str):
        raise NotAnEntity("has no kind" if not isinstance(kind, str) else "has no metadata.name")
    namespace = metadata.get("namespace")
    if not isinstance(namespace, str) or not namespace:
        namespace = "default"
    shown_ref = f"{kind}:{namespace}/{name}"
    ref = normalised(shown_ref)
    if ref is None:
        raise NotAnEntity(f"has a kind, namespace or name that make no ref: {shown_ref[:100]!r}")
    kind = kind.lower()
    relations = _relations(found, spec, kind, namespace)
    profile = _object(spec, "profile") if kind in ("user", "group") else {}
    annotations = _object(metadata, "annotations")
    return Entity(
        ref=ref,
        shown_ref=composed(f"{kind}:{namespace}/{name}"),
        kind=kind,
        title=_text(profile.get("displayName")) or _text(metadata.get("title")),
        type=_text(spec.get("type")),
        lifecycle=_text(spec.get("lifecycle")),
        owner=next(iter(relations("ownedBy")), None),
        system=next(iter(relations("partOf", "system")), None),
        domain=next(iter(relations("partOf", "domain")), None),
        tags=tuple(sorted({text for tag in _list(metadata, "tags") if (text := _text(tag))})),
        has_docs=any(_text(annotations.get(name)) for name in DOCS_ANNOTATIONS),
        minutes_saved=minutes_of(annotations.get(TIME_SAVED)) if kind == "template" else None,
        groups=frozenset(relations("memberOf", "group") + relations("childOf", "group")) - {ref},
        members=frozenset(relations("hasMember") + relations("parentOf", "group")) - {ref},
    )


def normalised(text: str, default_kind: str | None = None, default_namespace: str = "default") -> str | None:
    """An entity ref as events have it; None if it is none."""
    if "/" not in text:
        kind, colon, name = text.rpartition(":")
        text = f"{kind}{colon}{default_namespace}/{name}"
    ref = normalise_entity_ref(text, default_kind)
    # People are who their token says, letter for letter; entities are also named by addresses.
    return ref if ref is None or ref.startswith("user:") else composed(ref)


def minutes_of(duration: object) -> float | None:
    """The minutes of an ISO 8601 duration like PT4H; None if it is none, or has months or years."""
    match = _duration.fullmatch(duration.strip()) if isinstance(duration, str) else None
    if match is None or not any(match.groups()):
        return None
    numbers = (float((text or "0").replace(",", ".")) for text in match.groups())
    return sum(number * minutes for number, minutes in zip(numbers, _MINUTES, strict=True))


class _Relations:
    """The relations of an entity: those that the catalog made, or, in a document that has none, its own references."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        self._found = found

    def __call__(self, type_: str, kind: str | None = None) -> list[str]:
        """The refs that a relation leads to, of one kind if it is given, in order."""
        return [ref for name, ref in self._found if name == type_ and (kind is None or ref.startswith(f"{kind}:"))]


def _relations(found: Mapping[str, Any], spec: Mapping[str, Any], kind: str, namespace: str) -> _Relations:
    if isinstance(found.get("relations"), list):
        return _Relations(list(_made_by_catalog(found["relations"])))
    stated = [
        (relation, ref)
        for field, relation, default_kind in _REFERENCES.get(kind, ()) + _REFERENCES[""]
        for text in ([spec.get(field)] if isinstance(spec.get(field), str) else _list(spec, field))
        if isinstance(text, str) and (ref := normalised(text, default_kind, namespace))
    ]
    return _Relations(stated)


_REFERENCES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "user": (("memberOf", "memberOf", "group"),),
    "group": (
        ("parent", "childOf", "group"),
        ("children", "parentOf", "group"),
        ("members", "hasMember", "user"),
    ),
    "domain": (("subdomainOf", "partOf", "domain"),),
    "": (("owner", "ownedBy", "group"), ("system", "partOf", "system"), ("domain", "partOf", "domain")),
}


def _made_by_catalog(relations: list[object]) -> Iterator[tuple[str, str]]:
    for relation in relations:
        if not isinstance(relation, Mapping) or not isinstance(relation.get("type"), str):
            continue
        target = relation.get("targetRef")
        if isinstance(target, str) and (ref := normalised(target)):
            yield relation["type"], ref


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, Mapping) else {}


def _list(parent: Mapping[str, Any], name: str) -> list[Any]:
    found = parent.get(name)
    return found if isinstance(found, list) else []


def _text(found: object) -> str | None:
    """A text that can be stored, without space around it; None if nothing is left."""
    if not isinstance(found, str):
        return None
    return composed(_unstorable.sub("\ufffd", found).strip()[:MAX_TEXT_LENGTH]) or None
