"""Where an event names people, and what stands there when it leaves the company. Pure.

Replaced are: who did it; refs of user entities, addresses of their pages and e-mail addresses, wherever they stand in a
text; the names of the people whom the event is known to concern, where they are a whole value; and the text of a link
that leads to a person. A name in what somebody typed or in prose cannot be told from other words:
docs/reference/destinations.md says so to operators.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import msgspec

from analytics_internal.event import decoded, normalise_entity_ref, spelled_entity_ref
from analytics_internal.forward.outgoing import Outgoing, Scalar

StandIn = Callable[[str], str]
"""What stands for a person, from the ref of a user entity, or ``mailto:`` and an e-mail address."""
SOMEBODY = "somebody"
"""Stands for everybody where people are left out."""
REMEMBERED = 8_192
LONGEST_REMEMBERED = 1_024
"""Longer texts hardly ever repeat, and no name is as long."""
PORTALS_OWN = frozenset({"pluginId", "extension", "extensionId", "routeRef", "kind", "namespace"})
"""Entries that the portal fills in: they are no names of people, also where somebody is called like that."""
TARGETS = ("to", "href")
_DONE = "\0"
"""Encloses what was replaced already, so that it is not taken for a name. No stored text has this character."""

# A separator may be encoded, and an encoded one once more.
_SLASH, _COLON, _AT = r"(?:/|%(?:25)*2f)", r"(?::|%(?:25)*3a)", r"(?:@|%(?:25)*40)"
_LEAD = r"(?P<lead>%(?:25)*[0-9a-f]{2}|^|[^\w.-])"
# In a text a name ends where prose, a query or JSON goes on. Backstage's names have letters, digits, `-`, `_` and `.`.
_ENDS = "2f|3a|3f|23|26|3d|2c|3b|22|27|20|2b|28|29|5b|5d|7b|7d|3c|3e|7c|5c|60|0[0-9a-f]"
_PART = rf"""(?:[^\s:/?\#&=,;"'<>(){{}}\[\]|\\%+`\0]|%(?!(?:25)*(?:{_ENDS}))[0-9a-f]{{2}})++"""
# In an address it ends with its segment.
_SEGMENT = r"(?:(?!%(?:25)*2f)[^/?\#\x00-\x1f])++"


def _mention(part: str) -> re.Pattern[str]:
    """Finds a person in one of three forms, each with a name and perhaps a namespace (``ns``)."""
    # What was replaced is not to be found again.
    ref = rf"user{_COLON}(?:(?P<ns1>{part}){_SLASH})?(?P<n1>{part})(?!{_SLASH}{_DONE})"
    # The page of a person in the catalog or the documentation; without its place only in the usual namespace.
    page = rf"(?:(?:catalog|docs|entity){_SLASH}(?P<ns2>{part})|default){_SLASH}user{_SLASH}(?P<n2>{part})"
    # As the catalog's API has it.
    api = rf"(?:by-name{_SLASH}user{_SLASH}(?P<ns3>{part})|user{_SLASH}default){_SLASH}(?P<n3>{part})"
    return re.compile(rf"{_LEAD}(?:{ref}|{page}|{api})", re.IGNORECASE)


_in_text, _in_address = _mention(_PART), _mention(_SEGMENT)
# `git@host` is no person.
_email = re.compile(
    rf"{_LEAD}(?P<address>(?!git{_AT})[\w.+'-]{{1,64}}+{_AT}[\w-]+(?:\.[\w-]+)*\.(?:xn--[a-z0-9-]+|[^\W\d_]{{2,}}))",
    re.IGNORECASE,
)
_address = re.compile(r"/|[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_hint = re.compile(r"user|@|%", re.IGNORECASE)


class People:
    """Replaces the people in events: by what ``stand_in`` gives, or by nothing where ``keeps_user`` is not set."""

    def __init__(self, stand_in: StandIn, keeps_user: bool) -> None:
        self._stand_in = stand_in
        self._keeps_user = keeps_user
        self._remembered = functools.lru_cache(REMEMBERED)(self._text)

    def replaced_in(self, event: Outgoing) -> Outgoing:
        """The event without the name of anybody who can be found in it."""
        known = _known(event)
        target = next((t for name in TARGETS if isinstance(t := (event.attributes or {}).get(name), str)), event.path)
        return msgspec.structs.replace(
            event,
            user=self._stand_in(event.user) if event.user is not None and self._keeps_user else None,
            action=self.text(event.action),
            subject=self._subject(event.subject, target, known),
            plugin=self.text(event.plugin) if event.plugin is not None else None,
            agent=self.text(event.agent) if event.agent is not None else None,
            entity=self._ref(event.entity) if event.entity is not None else None,
            path=self.text(event.path) if event.path is not None else None,
            attributes=self._entries(event.attributes, known),
            context=self._entries(event.context, known),
        )

    def text(self, text: str) -> str:
        """A text without refs of users, addresses of their pages, and e-mail addresses."""
        return self._remembered(text) if len(text) <= LONGEST_REMEMBERED else self._text(text)

    def _subject(self, subject: str, target: str | None, known: dict[str, str]) -> str:
        if _address.match(subject):
            return self.text(subject)
        if (whole := self._whole(subject, known)) is not None:
            return whole
        if target is not None and (person := next(iter(people_in(target)), None)) is not None:
            return self._stand_in(person)  # a link's text is most often the name of whom it leads to
        return self.text(subject)

    def _ref(self, ref: str) -> str:
        return f"user:default/{self._stand_in(ref)}" if ref.startswith("user:") else self.text(ref)

    def _entries(self, entries: dict[str, Scalar] | None, known: dict[str, str]) -> dict[str, Scalar] | None:
        if entries is None:
            return None
        person = _ref_of(entries)
        replaced = {self.text(name): self._value(name, value, known) for name, value in entries.items()}
        if person is not None:
            replaced |= {"namespace": "default"} if "namespace" in entries else {}
            replaced["name"] = self._stand_in(person)
        return replaced

    def _value(self, name: str, value: Scalar, known: dict[str, str]) -> Scalar:
        if value is None or isinstance(value, bool | float):
            return value
        if name not in PORTALS_OWN and (whole := self._whole(str(value), known)) is not None:
            return whole
        return self.text(value) if isinstance(value, str) else value

    def _whole(self, text: str, known: dict[str, str]) -> str | None:
        """What stands for a text that is nothing but the name of somebody; None if it is not."""
        if len(text) > LONGEST_REMEMBERED:
            return None
        ref, name = _as_whole(text)
        if ref is not None:
            return self._ref(ref) if ref.startswith("user:") else None
        ref = known.get(name)
        return self._stand_in(ref) if ref is not None else None

    def _text(self, text: str) -> str:
        if _hint.search(text) is None:
            return text
        replaced = _without_mentions(text, self._stand_in)
        if "%" in replaced:
            # What is still there when it is decoded was hidden: then the decoded text leaves.
            plain = _plain(replaced)
            found = _without_mentions(plain, self._stand_in)
            replaced = found if found != plain else replaced
        return replaced.replace(_DONE, "")


def _known(event: Outgoing) -> dict[str, str]:
    """In which ways the people whom an event concerns may be written as a whole value, and who they are."""
    ways = dict(_ways(event.user)) if event.user is not None else {}
    # Whoever did it may be of any kind; an entity is a person only if it is a user.
    for entity in (event.entity, _ref_of(event.attributes), _ref_of(event.context)):
        if entity is not None and entity.lower().startswith("user:"):
            ways.update(_ways(entity))
    return ways


@functools.lru_cache(REMEMBERED)
def _ways(person: str) -> tuple[tuple[str, str], ...]:
    ref = normalise_entity_ref(person, "user")
    if ref is None:
        return ()
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    ways = (name, f"@{name}", rest, ref, f"{kind}:{name}", f"{namespace}/{kind}/{name}", f"{kind}/{namespace}/{name}")
    return tuple((way, ref) for way in ways)


@functools.lru_cache(REMEMBERED)
def _as_whole(text: str) -> tuple[str | None, str]:
    """A text that is nothing but one name: its ref if it is written as that of a user, and the name to compare."""
    text = text.strip()
    ref = spelled_entity_ref(_plain(text)) if text.lower().startswith(("user:", "user%")) else None
    return ref, decoded(text).lower()


def people_in(text: str) -> tuple[str, ...]:
    """The people whom a text names, as stand-ins are made of them."""
    return _remembered_people_in(text) if len(text) <= LONGEST_REMEMBERED else _people_in(text)


def _people_in(text: str) -> tuple[str, ...]:
    found: list[str] = []

    def noted(person: str) -> str:
        found.append(person)
        return SOMEBODY

    if _hint.search(text) is not None:
        _without_mentions(_plain(text), noted)
    return tuple(found)


_remembered_people_in = functools.lru_cache(REMEMBERED)(_people_in)


def _without_mentions(text: str, stand_in: StandIn) -> str:
    def mention(match: re.Match[str]) -> str:
        return _mention_replaced(match, stand_in)

    if _address.match(text):
        path, *rest = re.split(r"(?=[?#])", text, maxsplit=1)
        text = _in_address.sub(mention, path) + "".join(_in_text.sub(mention, one) for one in rest)
    else:
        text = _in_text.sub(mention, text)
    return _email.sub(lambda match: match["lead"] + _done(stand_in(f"mailto:{_plain(match['address'])}")), text)


def _done(text: str) -> str:
    return f"{_DONE}{text}{_DONE}"


def _mention_replaced(match: re.Match[str], stand_in: StandIn) -> str:
    number = next(number for number in "123" if match[f"n{number}"] is not None)
    found, namespace = match[f"n{number}"], match[f"ns{number}"]
    name = found.rstrip(".!*~_-") or found  # a sentence may end behind it
    ref = f"user:{_plain(namespace or 'default')}/{_plain(name)}"
    before = match[0][: len(match[0]) - len(found)]
    if namespace is not None:
        start, end = (at - match.start() for at in match.span(f"ns{number}"))
        before = before[:start] + "default" + before[end:]
    return before + _done(stand_in(normalise_entity_ref(ref) or ref)) + found[len(name) :]


def _plain(text: str) -> str:
    """The text with its percent-encoding decoded, also where it is encoded several times."""
    while "%25" in text:
        text = text.replace("%25", "%")
    return decoded(text)


def _ref_of(entries: dict[str, Scalar] | None) -> str | None:
    """The user whom the parameters of a route name, like ``{"kind": "user", "name": "ana"}``."""
    if not entries or "kind" not in entries:
        return None
    kind, namespace, name = entries["kind"], entries.get("namespace"), entries.get("name")
    if not isinstance(kind, str) or kind.lower() != "user" or not isinstance(name, str) or not name:
        return None
    namespace = namespace if isinstance(namespace, str) and namespace else "default"
    return spelled_entity_ref(f"user:{namespace}/{name}") or f"user:default/{name}"
