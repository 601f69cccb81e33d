"""Every dimension, declared once: its table, its text, what it derives from, and what may be asked of it.

The names that the reader copies, its tables, the query language, filters, plans, costs, what needs the permission to
read about people, and the table in docs/reference/query.md follow from here. Pure.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from analytics_internal.event import (
    MAX_NAME_LENGTH,
    composed,
    doc_page_of,
    doc_site_of,
    extension_of,
    folded,
    measurements,
    normalise_entity_ref,
    plugin_of_path,
    plugin_of_stored_context,
    route_of,
    spelled_entity_ref,
    spelling_of,
    stored_path,
    stored_subject,
)

NAVIGATE, SEARCH, DISCOVER = "navigate", "search", "discover"
"""The actions of opening a page, of a search, and of a click on one of its results."""
ENGAGE = measurements.ENGAGE
TASK_SUCCEEDED, TASK_FAILED, TASK_CANCELLED = measurements.OUTCOMES
MEASUREMENTS = measurements.ACTIONS
"""Actions that say something about an access and are none themselves, so the reader keeps them apart: the seconds that
somebody was engaged with a page, and what became of a template's task, with the minutes that it saved."""


class Table(msgspec.Struct, frozen=True):
    """A table of names: an id and what it stands for, under the same names in the log and in the reader."""

    name: str
    plural: str
    columns: Mapping[str, str]
    """In the log, with their types; the reader has them too, but for JSON."""
    key_columns: int = 1
    """The first so many columns tell one name from another."""
    members: tuple[str, ...] = ()
    """Of its JSON column, the texts that the reader reads: an event's context may have 32 KiB."""
    derived: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {}
    """Further texts that the reader keeps, each from a row of the log. Changed, `reader.READER_VERSION` has to grow."""

    @property
    def id_column(self) -> str:
        return f"{self.name}_id"

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(self.columns)[: self.key_columns]

    @property
    def read(self) -> dict[str, str]:
        """The columns beside the id that the reader reads, each as SQL."""
        stored = {name: name for name, type_ in self.columns.items() if type_ != "jsonb"}
        short = (
            f"CASE jsonb_typeof(content->'{{0}}') WHEN 'string' THEN left(content->>'{{0}}', {MAX_NAME_LENGTH + 1}) END"
        )
        return stored | {name: short.format(name) for name in self.members}

    @property
    def kept(self) -> dict[str, str]:
        """The columns beside the id that the reader has, with their types."""
        stored = {name: type_ for name, type_ in self.columns.items() if type_ != "jsonb"}
        return stored | dict.fromkeys(self.derived, "text")


class DayTable(Table, frozen=True, kw_only=True):
    """What the catalog says of names, by day: a view of the reader's (reader/catalog.py).

    A row holds from its ``first_day`` to its ``last_day``, both included.
    """

    of: Table
    is_many: bool = False
    """A name may have several rows on one day."""

    @property
    def id_column(self) -> str:
        return self.of.id_column


TEMPLATE = "template"
"""The kind of the entities that the scaffolder makes things of."""


def _kind_of(ref: str) -> str:
    return ref.partition(":")[0]


def _template(ref: str) -> str | None:
    return ref if _kind_of(ref) == TEMPLATE else None


def _searched(item: Mapping[str, Any]) -> str:
    return item["subject"] if item["action"] == SEARCH and folded(item["subject"]) else ""


ACTION = Table("action", "actions", {"name": "text"})
ITEM = Table(
    "item",
    "items",
    {"action_id": "integer", "subject": "text", "path": "text"},
    key_columns=2,
    derived={
        "action": lambda item: item["action"],
        "term": lambda item: folded(_searched(item)) or None,
        "spelling": lambda item: spelling_of(_searched(item)) or None,
    },
)
PERSON = Table("person", "people", {"ref": "text"})
AGENT = Table("agent", "agents", {"name": "text"})
PLUGIN = Table("plugin", "plugins", {"name": "text"})
ENTITY = Table(
    "entity",
    "entities",
    {"ref": "text"},
    derived={"kind": lambda entity: _kind_of(entity["ref"]), "template": lambda entity: _template(entity["ref"])},
)
PATH = Table(
    "path",
    "paths",
    {"name": "text"},
    derived={
        "doc_page": lambda path: doc_page_of(path["name"]),
        "doc_site": lambda path: doc_site_of(path["name"]),
        "plugin": lambda path: plugin_of_path(path["name"]),
    },
)
CONTEXT = Table(
    "context",
    "contexts",
    {"content": "jsonb"},
    members=("extensionId", "extension", "routeRef"),
    derived={"extension": extension_of, "route": route_of, "plugin": plugin_of_stored_context},
)
ATTRIBUTES = Table("attributes", "attributes", {"content": "jsonb"})
"""Distinct attributes; only the reader numbers them."""
ENTITY_VERSION = DayTable(
    "entity_version",
    "entity versions",
    {"type": "text", "owner": "text", "system": "text", "domain": "text", "lifecycle": "text"},
    of=ENTITY,
)
PERSON_TEAM = DayTable("person_team", "memberships", {"team": "text"}, of=PERSON, is_many=True)
TABLES = {table.name: table for table in (ACTION, ITEM, PERSON, AGENT, PLUGIN, ENTITY, PATH, CONTEXT)}
"""Actions come first: what is derived of an item depends on its action."""
READ_TABLES = {name: table for name, table in TABLES.items() if table.kept}
"""Those that the reader has."""
EVENT_IDS = [table.id_column for table in READ_TABLES.values() if table is not ACTION]
"""The ids of names in an event. Its action is that of its item."""


class KnownIn(msgspec.Struct, frozen=True):
    """Where the reader's catalog has values of a dimension, whether there are events or not."""

    table: str
    column: str
    kind: str | None = None
    """Of entities of this kind only."""
    flag: str | None = None
    """Of those only for which this column is true."""


class Dimension(msgspec.Struct, frozen=True, kw_only=True):
    """What events are grouped and filtered by, as a column of a table of names."""

    meaning: str
    table: Table
    text: str
    has_one_id: bool = False
    """Each text has one id: events are grouped by ids, and only the rows of a page are named."""
    parts: Mapping[str, str] = {}
    """Where one text does not say it: the parts of a row's object and their columns. Filters then take ids."""
    sorted_by: tuple[str, ...] = ()
    """The columns of ``parts`` that it is sorted by."""
    shown_as: str | None = None
    """The column that is shown of a group, where it is not the text itself: the last one in the order of texts."""
    member: str | None = None
    """Its text is this member of the column, which is JSON."""
    is_of_search: bool = False
    """The item of the search that an event came from has it, not that of the event (query/terms.py)."""
    end_of_session: Literal["entry", "exit"] | None = None
    """The path where the event's session began or ended has it, not that of the event (query/joins.py)."""
    can_be_grouped: bool = True
    can_be_filtered: bool = True
    names_people: bool = False
    compared_as: Callable[[str], Sequence[str]] = lambda value: [value]
    """In which spellings the reader may have what a filter names."""
    searched_as: Callable[[str], str] | None = None
    """How a text is looked for in texts that are folded already. Without it: in small letters, in all spellings."""
    in_catalog: str | None = None
    """The column of the catalog's entities that has it."""
    known_in: tuple[KnownIn, ...] = ()
    """Where the catalog has all its values; empty where it does not know them."""
    key_s: float = 2e-8
    """Seconds to find its key for one event: of a million on a small machine."""
    most_texts: int | None = None
    """About how many texts there are at most, where they are far fewer than the rows of the table."""

    @property
    def holder(self) -> tuple[str, str]:
        """Where a scan has the id of its name: the alias of a table, and the column."""
        if self.is_of_search:
            return "term_of", self.table.id_column
        if self.end_of_session is not None:
            return "session_of", f"{self.end_of_session}_{self.table.id_column}"
        return "e", self.table.id_column


def _ref(value: str) -> list[str]:
    return [spelled_entity_ref(value) or value]


def _group_ref(value: str) -> list[str]:
    return [normalise_entity_ref(value, "group") or value]


_AS_OF = "as the catalog had it at the end of the event's day"
ATTRIBUTE = "attr:"
"""What the names of the dimensions begin with that are attributes of events."""
ANY_ATTRIBUTE = "attr:<name>"
MAX_ATTRIBUTE_NAME = 128
MAX_ATTRIBUTE_TEXT = 2_048
"""Longer values are cut."""
# Words that say in an attribute's name that its values name people.
_PEOPLE_WORDS = frozenset(
    {
        "account", "actor", "assignee", "assignees", "author", "authors", "creator", "email", "emails", "employee",
        "login", "mail", "member", "members", "owner", "owners", "people", "person", "reporter", "requester",
        "reviewer", "reviewers", "user", "userid", "username", "users",
    }
)  # fmt: skip
_words = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class _Dimensions(dict[str, Dimension]):
    """The declared dimensions by name; beside them, unlisted, ``attr:<name>`` for any attribute."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or is_attribute(name)

    def __missing__(self, name: str) -> Dimension:
        if not is_attribute(name):
            raise KeyError(name)
        return _attribute(name.removeprefix(ATTRIBUTE))


def is_attribute(name: object) -> bool:
    """Whether this is the name of a dimension ``attr:<name>``."""
    if not isinstance(name, str) or not name.startswith(ATTRIBUTE):
        return False
    return 0 < len(name) - len(ATTRIBUTE) <= MAX_ATTRIBUTE_NAME and "\0" not in name


def _says_people(name: str) -> bool:
    """Whether the values of an attribute with this name are people: `userRef`, `assignee_email`, `performedBy`."""
    words = [word.lower() for word in _words.findall(name)]
    is_done_by = any(doing.endswith(("ed", "en")) and by == "by" for doing, by in itertools.pairwise(words))
    return is_done_by or any(word in _PEOPLE_WORDS or word.startswith("user") for word in words)


@functools.lru_cache(1_024)
def _attribute(name: str) -> Dimension:
    return Dimension(
        meaning="An attribute of the event",
        table=ATTRIBUTES,
        text="content",
        member=name,
        names_people=_says_people(name),
        key_s=2e-7,
        most_texts=10_000,
    )


DECLARED: dict[str, Dimension] = _Dimensions()
DECLARED |= {
    "action": Dimension(
        meaning="What was done, like `navigate`, `click` or `search`", table=ACTION, text="name", has_one_id=True
    ),
    "subject": Dimension(
        meaning="What it was done to: an address, or a text",
        table=ITEM,
        text="subject",
        # Whether it is an address depends on the action.
        compared_as=lambda value: [stored_subject("", value), composed(value)],
        key_s=3e-7,
    ),
    "path": Dimension(
        meaning="Where in the portal it leads",
        table=PATH,
        text="name",
        has_one_id=True,
        can_be_grouped=False,
        compared_as=lambda value: [stored_path(value) or value],
    ),
    "item": Dimension(
        meaning="Action and subject together",
        table=ITEM,
        text="subject",
        parts={"id": "item_id", "action": "action", "subject": "subject", "path": "path"},
        sorted_by=("subject", "action"),
        key_s=1e-7,
    ),
    "plugin": Dimension(meaning="The plugin it happened in", table=PLUGIN, text="name", has_one_id=True),
    "extension": Dimension(
        meaning="The frontend extension it happened in: `context.extensionId`, else `context.extension`",
        table=CONTEXT,
        text="extension",
        key_s=2e-7,
        most_texts=1_000,
    ),
    "route": Dimension(
        meaning="The route it happened on, where the portal has the legacy frontend system: `context.routeRef`",
        table=CONTEXT,
        text="route",
        key_s=2e-7,
        most_texts=1_000,
    ),
    "entity": Dimension(
        meaning="The catalog entity it concerns",
        table=ENTITY,
        text="ref",
        has_one_id=True,
        compared_as=_ref,
        in_catalog="ref",
        known_in=(KnownIn("catalog_entity", "ref"),),
        key_s=5e-8,
    ),
    "entity_kind": Dimension(
        meaning="The kind of that entity, like `component`",
        table=ENTITY,
        text="kind",
        compared_as=lambda value: [value.lower()],
        in_catalog="kind",
        key_s=1e-7,
        most_texts=50,
    ),
    "template": Dimension(
        meaning="That entity, if it is a template",
        table=ENTITY,
        text="template",
        compared_as=_ref,
        in_catalog="ref",
        known_in=(KnownIn("catalog_entity", "ref", kind="template"),),
        key_s=1e-7,
        most_texts=1_000,
    ),
    "doc_site": Dimension(
        meaning="The entity whose documentation is at its path",
        table=PATH,
        text="doc_site",
        compared_as=_ref,
        in_catalog="ref",
        known_in=(KnownIn("catalog_entity", "ref", flag="has_docs"),),
        key_s=2e-7,
        most_texts=10_000,
    ),
    "entity_type": Dimension(
        meaning=f"The type of that entity, {_AS_OF}",
        table=ENTITY_VERSION,
        text="type",
        in_catalog="type",
        key_s=1e-7,
        most_texts=100,
    ),
    "owner": Dimension(
        meaning=f"The owner of that entity, {_AS_OF}",
        table=ENTITY_VERSION,
        text="owner",
        compared_as=_group_ref,
        in_catalog="owner",
        known_in=(KnownIn("catalog_entity", "owner"),),
        key_s=1e-7,
        most_texts=1_000,
    ),
    "system": Dimension(
        meaning=f"The system that the entity is part of, {_AS_OF}",
        table=ENTITY_VERSION,
        text="system",
        compared_as=lambda value: [normalise_entity_ref(value, "system") or value],
        in_catalog="system",
        known_in=(KnownIn("catalog_entity", "system"),),
        key_s=1e-7,
        most_texts=1_000,
    ),
    "domain": Dimension(
        meaning=f"The domain that the entity or its system is part of, {_AS_OF}",
        table=ENTITY_VERSION,
        text="domain",
        compared_as=lambda value: [normalise_entity_ref(value, "domain") or value],
        in_catalog="domain",
        known_in=(KnownIn("catalog_entity", "domain"),),
        key_s=1e-7,
        most_texts=1_000,
    ),
    "lifecycle": Dimension(
        meaning=f"The lifecycle of that entity, {_AS_OF}",
        table=ENTITY_VERSION,
        text="lifecycle",
        in_catalog="lifecycle",
        key_s=1e-7,
        most_texts=100,
    ),
    "doc_page": Dimension(
        meaning="The page of documentation at its path",
        table=PATH,
        text="doc_page",
        compared_as=lambda value: [doc_page_of(path := stored_path(value) or value) or path],
        key_s=2e-7,
    ),
    "search_term": Dimension(
        meaning="What was searched for, in a search or before a click on a result",
        table=ITEM,
        text="term",
        shown_as="spelling",
        is_of_search=True,
        compared_as=lambda value: [folded(value)],
        searched_as=folded,
        key_s=2e-7,
    ),
    "entry_page": Dimension(
        meaning="The path at which its session began: that of the session's first `navigate`",
        table=PATH,
        text="name",
        has_one_id=True,
        end_of_session="entry",
        compared_as=lambda value: [stored_path(value) or value],
        key_s=3e-7,
    ),
    "exit_page": Dimension(
        meaning="The path at which its session ended, as far as it has come: that of its last `navigate`",
        table=PATH,
        text="name",
        has_one_id=True,
        end_of_session="exit",
        compared_as=lambda value: [stored_path(value) or value],
        key_s=3e-7,
    ),
    "team": Dimension(
        meaning="The teams of who did it and all their parent groups, as the catalog had them at the end of the "
        "event's day: the event counts in each, so rows add up to more than the total",
        table=PERSON_TEAM,
        text="team",
        compared_as=_group_ref,
        # A group without members is a team, too.
        known_in=(KnownIn("catalog_entity", "ref", kind="group"), KnownIn("catalog_team", "team")),
        key_s=4e-7,
        most_texts=1_000,
    ),
    "person": Dimension(
        meaning="Who did it",
        table=PERSON,
        text="ref",
        has_one_id=True,
        names_people=True,
        compared_as=lambda value: [normalise_entity_ref(value, "user") or value],
        known_in=(KnownIn("catalog_eligible", "ref"),),
    ),
    "agent": Dimension(
        meaning="The program that did it, for a person or for itself; without this dimension or a filter on it, "
        "what programs did is left out",
        table=AGENT,
        text="name",
        has_one_id=True,
    ),
}
HOUR, DAY, WEEK, MONTH = "time:hour", "time:day", "time:week", "time:month"
BUCKET_DAYS = {HOUR: 0, DAY: 1, WEEK: 7, MONTH: 28}
"""The time dimensions, and how many whole days a bucket has at least."""
