"""Addresses in subjects and attributes: the portal's path they lead to, and what of them may be stored. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from urllib.parse import unquote_plus, urlencode, urlsplit

import msgspec

from analytics_internal.event.entity_refs import entity_at, normalise_entity_ref
from analytics_internal.event.spelling import composed, decoded

# Their subject is what a person typed, or a result's title: never a path, even if it looks like one.
TEXT_ACTIONS = frozenset({"search", "discover"})
MAX_PATH_LENGTH = 2048
# Further parameters are cut: no address of a portal has so many.
MAX_PARAMETERS = 500
MAX_KEPT_PARAMETERS = 50
MAX_PARAMETER_NAME_LENGTH = 512
DEFAULT_KEPT_QUERY_PARAMETERS = frozenset({"query", "filters"})

NAVIGATE = "navigate"

_absolute_url = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# Links out of the portal. Other schemes are no links: browsers would open them too, and run some of them.
_web_url = re.compile(r"https?://[^/\\?#]", re.IGNORECASE)
# Browsers remove line breaks and tabs from addresses.
_control = re.compile(r"[\x00-\x1f\x7f]")
_not_relative = re.compile(r":|\.\.|\\")
_slashes = re.compile(r"/{2,}")
_doc_path = re.compile(r"/(?P<at>docs|catalog)/([^/]+)/([^/]+)/([^/]+)(?P<rest>/.*)?", re.DOTALL)


class Portal(msgspec.Struct, frozen=True, cache_hash=True):
    """What is needed to interpret a portal's addresses."""

    origin: str | None = None
    """Scheme and host of the portal, without a path."""
    base_path: str = ""
    """The portal's path, without the last slash; empty at the root."""
    kept_query_parameters: frozenset[str] = DEFAULT_KEPT_QUERY_PARAMETERS

    @classmethod
    def at(cls, url: str | None, kept_query_parameters: frozenset[str] = DEFAULT_KEPT_QUERY_PARAMETERS) -> Portal:
        """The portal at ``url``, its ``app.baseUrl``."""
        if url is None:
            return cls(kept_query_parameters=kept_query_parameters)
        parts = urlsplit(url)
        base_path = decoded(parts.path).rstrip("/")
        return cls(_origin(parts.scheme, parts.netloc), base_path, kept_query_parameters)

    def is_path(self, action: str, subject: str) -> bool:
        """Whether this action's subject is an address rather than a text."""
        return action not in TEXT_ACTIONS and _is_address(subject)

    def normalised_path(self, address: str) -> str:
        """The decoded address without query, fragment, the portal's origin and base path, and the last slash."""
        bare = _cut(address)
        if _absolute_url.match(bare):
            scheme, _, rest = bare.partition("://")
            host, slash, path = rest.rpartition("@")[2].partition("/")
            origin = _origin(scheme, host)
            if origin != self.origin:
                return (origin + decoded(slash + path)).rstrip("/")
            bare = slash + path
        path = _slashes.sub("/", decoded(bare))
        if self.base_path and (path == self.base_path or path.startswith(self.base_path + "/")):
            path = path[len(self.base_path) :]
        return path.rstrip("/") or "/"

    def path_at(self, address: str, is_location: bool = False) -> str | None:
        """The path or web address that a link leads to; None if it leads to no page, or not to the one it names.

        ``is_location``: the address is a router's location, where two leading slashes begin a path, not a host.
        """
        if _control.search(_cut(address)):
            return None
        is_elsewhere = address.startswith("//") and not is_location
        if is_elsewhere or not (address.startswith("/") or _web_url.match(address)):
            return None
        path = self.normalised_path(address)
        return None if path.startswith("/\\") else path


def stored_path(name: str) -> str | None:
    """A stored path by today's rules; None if they no longer make it a path."""
    return Portal().path_at(name, is_location=True)


def stored_subject(action: str, subject: str) -> str:
    """A stored subject of an item by today's rules."""
    path = stored_path(subject) if action not in TEXT_ACTIONS and _is_address(subject) else None
    return path if path is not None else composed(subject)


def scrub(action: str, subject: str, portal: Portal) -> str:
    """The subject as it may be stored: an address keeps its path and the allowed query parameters."""
    return _scrub_address(subject, portal) if portal.is_path(action, subject) else subject


def scrub_event(value: object, portal: Portal) -> object:
    """A whole event's JSON value with every address scrubbed; the subject of a search stays as it is."""
    scrubbed = scrub_tree(value, portal)
    if isinstance(value, Mapping) and isinstance(scrubbed, dict) and isinstance(value.get("subject"), str):
        action = value.get("action")
        if isinstance(action, str) and action in TEXT_ACTIONS:
            scrubbed["subject"] = value["subject"]
    return scrubbed


def scrub_tree(value: object, portal: Portal) -> object:
    """The JSON value with every address scrubbed, also in names of fields."""
    if isinstance(value, Mapping):
        return {
            scrub_tree(key, portal): _scrub_address(item, portal)
            if key == "to" and isinstance(item, str)
            else scrub_tree(item, portal)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [scrub_tree(item, portal) for item in value]
    return _scrub_address(value, portal) if isinstance(value, str) and _is_address(value) else value


def path_of(
    action: str, subject: str, attributes: Mapping[str, object], context: Mapping[str, object], portal: Portal
) -> str | None:
    """The path or web address an event leads to: its subject, or the target in ``attributes.to``.

    A relative target comes from a tab of an entity's page. It is resolved against the page of ``context.entityRef`` at
    the catalog's default address.
    """
    if portal.is_path(action, subject):
        return portal.path_at(subject, is_location=action == NAVIGATE)
    target = attributes.get("to")
    if not isinstance(target, str) or len(target := _cut(target)) > MAX_PATH_LENGTH:
        return None
    if _is_address(target):
        return portal.path_at(target)
    page_entity = context.get("entityRef")
    ref = normalise_entity_ref(page_entity) if isinstance(page_entity, str) else None
    if ref is None or context.get("pluginId") != "catalog" or _not_relative.search(target):
        return None
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    return portal.path_at(f"/catalog/{namespace}/{kind}/{name}/{target}")


def doc_page_of(path: str) -> str | None:
    """The documentation page at a path, the same for the reader and for the tab of an entity's page.

    Returns its address in the reader, with the entity in lower case; None if the path is no documentation.
    """
    match = _doc_path.fullmatch(path)
    if match is None or entity_at(path) is None:
        return None
    at, namespace, kind, name, rest = match.groups(default="")
    if at == "catalog":
        tab, slash, rest = rest.removeprefix("/").partition("/")
        rest = slash + rest
        if tab != "docs":
            return None
    page = rest.rstrip("/").removesuffix("/index.html")
    return composed(f"/docs/{namespace}/{kind}/{name}".lower() + page)


def doc_site_of(path: str) -> str | None:
    """The ref of the entity whose documentation is at a path; None if the path is no documentation."""
    return entity_at(path) if doc_page_of(path) is not None else None


def _is_address(text: str) -> bool:
    return text.startswith("/") or _absolute_url.match(text) is not None


def _origin(scheme: str, host: str) -> str:
    origin = f"{scheme}://{host}".lower()
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")


def _cut(address: str) -> str:
    return address.partition("#")[0].partition("?")[0]


def _scrub_address(address: str, portal: Portal) -> str:
    bare = _cut(address)
    if _absolute_url.match(bare):
        scheme, _, rest = bare.partition("://")
        host, slash, path = rest.partition("/")
        bare = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"  # no user:password@
    query = address.partition("#")[0].partition("?")[2]
    kept = list(islice(_kept_of(query, portal.kept_query_parameters), MAX_KEPT_PARAMETERS))
    return f"{bare}?{urlencode(kept)}" if kept else bare


def _kept_of(query: str, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The parameters that may be kept, as ``parse_qsl`` finds them; the others are not decoded."""
    for parameter in query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        name, _, value = parameter.partition("=")
        if len(name) <= MAX_PARAMETER_NAME_LENGTH and unquote_plus(name).partition("[")[0] in names:
            yield unquote_plus(name), unquote_plus(value)
