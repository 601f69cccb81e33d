"""The wire form: a question as clients send it, and its answer. Pure.

`docs/reference/openapi.json` and the pages' types are made from these.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypedDict
from uuid import UUID

import msgspec

from analytics_internal import dimensions
from analytics_internal.query import language, metrics
from analytics_internal.reader import Missing

LAST = r"^([1-9][0-9]{0,4})([dwm])$"
Instant = Annotated[
    str, msgspec.Meta(description="UTC, ISO 8601 with milliseconds", extra_json_schema={"format": "date-time"})
]


def allowed(**schema: object) -> msgspec.Meta:
    """What `parse` demands of a value. It names every fault, msgspec only the first, so msgspec does not check it."""
    return msgspec.Meta(extra_json_schema=schema)


def reference_to(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


class LastDays(msgspec.Struct, forbid_unknown_fields=True):
    """So many days (`28d`), weeks (`8w`) or months (`12m`) that end with today: at most 50 years."""

    last: Annotated[str, msgspec.Meta(pattern=LAST)]


class DayRange(msgspec.Struct, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}):
    """Days of the reporting time zone, both included: from 1970 to 2200, at most 50 years."""

    first: date
    last: date


Metric = Annotated[str, allowed(enum=list(language.METRICS))]
_NAMED = [name for name in language.DIMENSIONS if name != dimensions.ANY_ATTRIBUTE]
OF_ATTRIBUTES = {"type": "string", "pattern": "^attr:.", "description": "`attr:<name>`: an attribute of the event"}
Dimension = Annotated[str, allowed(anyOf=[{"enum": _NAMED}, OF_ATTRIBUTES])]
Order = Annotated[
    list[str],
    allowed(
        prefixItems=[{"anyOf": [{"enum": [*language.METRICS, *_NAMED]}, OF_ATTRIBUTES]}, {"enum": ["asc", "desc"]}],
        minItems=2,
        maxItems=2,
    ),
]
FILTERS = (
    f"At most {language.MAX_FILTERS} filters, nested at most {language.MAX_FILTER_DEPTH} deep, with at most "
    f"{language.MAX_FILTER_VALUES:,} values of {language.MAX_FILTER_CHARACTERS:,} characters altogether"
)


AnyFilter = Annotated[list[object], msgspec.Meta(description=FILTERS, extra_json_schema=reference_to("Filter"))]
DateRange = Annotated[
    object,
    allowed(
        anyOf=[reference_to("LastDays"), reference_to("DayRange"), {"const": "all"}], default=language.DEFAULT_RANGE
    ),
]


def default_range() -> dict[str, object]:
    """The days of a question that names none."""
    return dict(language.DEFAULT_RANGE)


class WireQuery(msgspec.Struct, forbid_unknown_fields=True):
    """A question."""

    metrics: Annotated[list[Metric], allowed(minItems=1, uniqueItems=True)]
    kind: Literal["breakdown"] = "breakdown"
    dimensions: Annotated[list[Dimension], allowed(uniqueItems=True)] = []
    filters: AnyFilter | None = None
    date_range: DateRange = msgspec.field(default_factory=default_range)
    compare: Annotated[str, allowed(enum=list(language.COMPARISONS))] | None = None
    unused: Annotated[
        str,
        msgspec.Meta(
            description="Whether what the catalog knows and nobody used has rows, too, or is all that has; with one "
            f"dimension only: {', '.join(language.UNUSED_DIMENSIONS)}",
            extra_json_schema={"enum": list(language.UNUSED)},
        ),
    ] = "leave_out"
    order_by: list[Order] | None = None
    limit: Annotated[int, allowed(minimum=1, maximum=language.MAX_LIMIT)] | None = language.DEFAULT_LIMIT
    cursor: str | None = None
    position: Annotated[int, allowed(minimum=0, maximum=language.MAX_POSITION)] | None = None


FILTER_FIELDS = ("filters", "around", "first", "returning")
"""The fields of a question that are a filter, whatever its kind."""
FILTER_LIST_FIELDS = ("steps",)
"""Those that are lists of filters."""


NOTES = {
    "team-parts-overlap": "The rows of teams add up to more than the total: a person counts in each of their teams",
    "catalog-unknown": "The portal's catalog was never read, so nothing is known of teams, owners and who is eligible",
    "catalog-assumed": "What the catalog says of days before it was first read is what was found then",
    "catalog-failing": "The portal's catalog does not answer; what was known last counts",
    "outcomes-off": "Outcomes of templates are not read from the portal",
    "outcomes-failing": "Outcomes of templates cannot be read from the portal; the note says since when, and why",
    "outcomes-unread": "Outcomes of templates are being read for the first time",
}
"""By their codes: what answers may have to say beside their figures."""


class Item(msgspec.Struct, frozen=True):
    """What was done to what: one (action, subject) pair."""

    id: int
    action: str
    subject: str
    path: Annotated[str | None, msgspec.Meta(description="Where in the portal it leads; null where it leads nowhere")]


class Count(msgspec.Struct):
    """How many in the period, and in the one before where a comparison was asked for."""

    value: int
    previous: int | msgspec.UnsetType = msgspec.UNSET


class Number(msgspec.Struct):
    """How much in the period, and in the one before where a comparison was asked for."""

    value: float
    previous: float | msgspec.UnsetType = msgspec.UNSET


class Ratio(msgspec.Struct):
    """One figure divided by another, and both of them; null where there is nothing to divide by."""

    value: float | None
    numerator: float
    denominator: float
    previous: float | msgspec.UnsetType | None = msgspec.UNSET
    previous_numerator: float | msgspec.UnsetType = msgspec.UNSET
    previous_denominator: float | msgspec.UnsetType = msgspec.UNSET


class Moment(msgspec.Struct):
    """When something was first or last done; null where it never was."""

    value: Instant | None


FORMS: dict[metrics.Form, object] = {"count": Count, "number": Number, "ratio": Ratio, "moment": Moment}
COLUMNS: dict[str, object] = {
    **{name: FORMS[metrics.DECLARED[name].form] for name in language.METRICS},
    **{name: Item if one.parts else str | None for name, one in dimensions.DECLARED.items() if one.can_be_grouped},
    **dict.fromkeys(dimensions.BUCKET_DAYS, date),
    dimensions.HOUR: Annotated[
        str, msgspec.Meta(description="Local time with offset", extra_json_schema={"format": "date-time"})
    ],
}
# No struct: a row has the columns that were asked for, in the order of the question.
Row = TypedDict("Row", COLUMNS, total=False)  # type: ignore[misc]


class WirePeriod(DayRange, kw_only=True):
    """The days that an answer is about."""

    start: Instant
    end: Instant
    is_complete: Annotated[bool, msgspec.Meta(description="Whether the last day is over")]


class TimeLabel(msgspec.Struct):
    """One hour (by its first instant), day, week (by its Monday) or month (by its first day) of an answer's period."""

    label: Annotated[str, msgspec.Meta(description="As the time column has it: a day, or an instant with its offset")]
    previous: Annotated[
        DayRange | None,
        msgspec.Meta(description="The days of the previous period that are in it when moved by one period"),
    ]
    is_complete: bool


class WireSegment(msgspec.Struct, frozen=True):
    """A segment that the question names, as it was when it was asked."""

    id: UUID
    name: str
    changed_at: Instant


class WireCatalog(msgspec.Struct, frozen=True):
    """The state of the portal's catalog that the answer is as of."""

    revision: Annotated[int, msgspec.Meta(description="It grows with each change")]
    known_since: Annotated[
        Instant | None,
        msgspec.Meta(
            description="When it was first read: what was found then counts for all time before; null before that"
        ),
    ]
    read_at: Annotated[Instant | None, msgspec.Meta(description="As of when it is known; null before it was read")]
    failing_since: Annotated[Instant | None, msgspec.Meta(description="Since when it does not answer; null if it does")]
    error: Annotated[str | None, msgspec.Meta(description="Why it does not")]


class Note(msgspec.Struct, frozen=True):
    """Something that a reader of the figures has to know."""

    code: Annotated[str, allowed(enum=list(NOTES))]
    detail: str


class AnswerMeta(msgspec.Struct, kw_only=True):
    """What the rows are about, and how to get the others."""

    time_zone: str
    period: WirePeriod
    previous_period: WirePeriod | None
    complete_until: Annotated[
        Instant, msgspec.Meta(description="When the question was asked: all that was acknowledged before is in")
    ]
    position: Annotated[int, msgspec.Meta(description="The position of the log that the answer is as of")]
    total_rows: Annotated[int | None, msgspec.Meta(description="Of all pages; null on a page behind the last row")]
    offset: Annotated[int, msgspec.Meta(description="Rows before this page")]
    next_cursor: str | None
    previous_cursor: str | None
    time_labels: Annotated[
        list[TimeLabel] | None, msgspec.Meta(description="Every bucket of the period; null without a time dimension")
    ]
    segments: Annotated[list[WireSegment], msgspec.Meta(description="The saved filters that the question names")]
    catalog: Annotated[
        WireCatalog | None, msgspec.Meta(description="Null where nothing tried to read the portal's catalog")
    ]
    notes: list[Note]
    titles: Annotated[
        dict[str, str],
        msgspec.Meta(
            description="What the catalog calls the refs in the rows, as of the period's end; a person's only for "
            "those who may read names"
        ),
    ]
    suppressed: Annotated[list[str], msgspec.Meta(description="Always empty", max_length=0)]
    missing_events: Annotated[Missing | None, msgspec.Meta(description="The events that the log has lost")]


class Answer(msgspec.Struct):
    """The answer to a question."""

    results: list[Row]
    meta: AnswerMeta
    query: Annotated[WireQuery, msgspec.Meta(description="The question as it was answered, defaults filled in")]
