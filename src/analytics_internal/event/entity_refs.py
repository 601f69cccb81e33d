"""Entity refs: which catalog entity an event concerns, spelled as Backstage compares refs. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from analytics_internal.event.spelling import composed, decoded

_entity_path = re.compile(r"/(?:catalog|docs)/([^/]+)/([^/]+)/([^/]+)(?:/|$)")
_template_path = re.compile(r"/create/templates/([^/]+)/([^/]+)/?")
# Half of a surrogate pair cannot be stored.
_ref_part = r"([^:/\s\x00-\x1f\ud800-\udfff]+)"
_entity_ref = re.compile(rf"(?:{_ref_part}:)?(?:{_ref_part}/)?{_ref_part}")


def entity_ref_of(
    action: str, attributes: Mapping[str, object], context: Mapping[str, object], path: str | None
) -> str | None:
    """The catalog entity an event concerns, from the context, the route's parameters, or the path.

    A search result concerns the entity it leads to, even if the search box is on another entity's page.
    """
    if action == "discover":
        return entity_at(path)
    named = context.get("entityRef")
    if isinstance(named, str) and (ref := spelled_entity_ref(named)):
        return ref
    kind, namespace, name = (attributes.get(key) for key in ("kind", "namespace", "name"))
    if isinstance(kind, str) and isinstance(name, str) and kind and name:
        namespace = namespace if isinstance(namespace, str) and namespace else "default"
        return spelled_entity_ref(f"{kind}:{namespace}/{name}")
    return entity_at(path)


def entity_at(path: str | None) -> str | None:
    if path is None:
        return None
    if match := _entity_path.match(path):
        return spelled_entity_ref(f"{match[2]}:{match[1]}/{match[3]}")
    form = _template_path.fullmatch(path)
    return spelled_entity_ref(f"template:{form[1]}/{form[2]}") if form else None


# 255 characters, each of at most four escaped bytes.
MAX_ENCODED_REF = 255 * 12


def spelled_entity_ref(text: str) -> str | None:
    """The ref of an entity named in an address or a context: decoded, then normalised.

    Not for people: a token names them, and no other spelling may become their name.
    """
    if len(text) > MAX_ENCODED_REF:
        return None
    ref = normalise_entity_ref(decoded(text))
    return composed(ref) if ref is not None else None


def normalise_entity_ref(text: str, default_kind: str | None = None) -> str | None:
    """An entity ref as Backstage compares it: lower case, ``kind:namespace/name`` complete; None if it is no ref."""
    if len(text) > 255:
        return None
    return _normalised(text, default_kind)


@functools.lru_cache(maxsize=512)  # of at most 255 characters each: 1.2 MB at most
def _normalised(text: str, default_kind: str | None) -> str | None:
    match = _entity_ref.fullmatch(text.strip())
    if match is None:
        return None
    kind, namespace, name = match.groups()
    kind = kind or default_kind
    if kind is None:
        return None
    return f"{kind}:{namespace or 'default'}/{name}".lower()
