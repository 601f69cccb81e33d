"""The setting ``destinations``: what it may say, and the types that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from analytics_internal.errors import AnalyticsError
from analytics_internal.forward.destination import Destination, Options
from analytics_internal.forward.fields import problems_of
from analytics_internal.forward.wording import as_name, lines
from analytics_internal.masking import without_values

GROUP = "analytics_internal.destinations"
"""Entry points of this group name types of third parties: ``name = "package.module:Class"``."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_HERE = "analytics_internal.forward.destinations"
BUILT_IN: dict[str, tuple[str, str | None]] = {
    "analytics-internal": (f"{_HERE}.analytics_internal:AnalyticsInternal", None),
    "ga4": (f"{_HERE}.ga4:Ga4", None),
    "kafka": (f"{_HERE}.kafka:Kafka", "kafka"),
    "matomo": (f"{_HERE}.matomo:Matomo", None),
    "nats": (f"{_HERE}.nats:Nats", "nats"),
    "otlp": (f"{_HERE}.otlp:Otlp", "otlp"),
    "parquet": (f"{_HERE}.parquet:Parquet", None),
    "rabbitmq": (f"{_HERE}.rabbitmq:RabbitMQ", "rabbitmq"),
    "segment": (f"{_HERE}.segment:Segment", None),
    "webhook": (f"{_HERE}.webhook:Webhook", None),
}
"""The types of this package: where each is, and the extra with its library."""


class UnusableDestination(AnalyticsError):
    """A destination is not configured as it has to be; one line for each error, which names the field."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class Fields(BaseModel):
    """Which fields of an event are left out, and which have another name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    drop: tuple[str, ...] = ()
    rename: dict[str, str] = {}


def _started(value: object) -> object:
    """A day (its beginning in UTC) or a time with an offset, as YAML or JSON have it."""
    if isinstance(value, str) and value not in ("now", "beginning"):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _not_a_start() from None
    if isinstance(value, datetime):
        value = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        try:
            value.astimezone(UTC)
        except OverflowError:  # in UTC it is before the year 1 or after 9999
            raise _not_a_start() from None
        return value
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    if not isinstance(value, str):  # pydantic would take a number for seconds since 1970
        raise _not_a_start()
    return value


def _not_a_start() -> PydanticCustomError:
    return PydanticCustomError(
        "not_allowed", "must be now, beginning, a day like 2026-11-01, or a time like 2026-11-01T08:00:00-03:00"
    )


class Configured(BaseModel):
    """One destination as the settings have it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    type: str
    filters: list[Any] | None = None
    """As in a question (docs/reference/query.md)."""
    people: Literal["named", "pseudonymous", "none"] = "pseudonymous"
    fields: Fields = Fields()
    start: Annotated[Literal["now", "beginning"] | datetime, BeforeValidator(_started)] = "now"
    """Where a destination begins that was never there before; a time is that of storing."""
    options: dict[str, Any] = Field(default_factory=dict, exclude=True)
    """What is written beside the common fields."""


COMMON = tuple(name for name in Configured.model_fields if name != "options")


def type_named(name: str) -> type[Destination[Any]]:
    """The class of a type.

    Raises:
        UnusableDestination: there is no such type, its library is not installed, or its module does not work.
    """
    places = {name: (place, extra) for name, (place, extra) in BUILT_IN.items()}
    for entry in entry_points(group=GROUP):
        places.setdefault(entry.name, (entry.value, None))
    if name not in places:
        similar = get_close_matches(name, places, 1, 0.6)
        hint = f"did you mean {similar[0]}?" if similar else f"allowed are {', '.join(sorted(places))}"
        raise UnusableDestination(f"type: unknown: {as_name(name)}; {hint}")
    place, extra = places[name]
    try:
        found = EntryPoint(name, place, GROUP).load()
    except ImportError as error:
        if extra is None or (error.name or "").startswith(__name__.partition(".")[0]):
            raise UnusableDestination(f"type: {name} cannot be loaded: {error}") from error
        raise UnusableDestination(
            f"type: {name} needs a library that is not installed: pip install 'backstage-analytics-internal[{extra}]'"
        ) from error
    except Exception as error:  # a third party's module may raise anything, and must not end the service
        raise UnusableDestination(f"type: {name} cannot be loaded: {without_values(error)}") from error
    if not (isinstance(found, type) and issubclass(found, Destination)):
        raise UnusableDestination(f"type: {name} cannot be loaded: {place} is no subclass of Destination")
    return found


def configure(given: Sequence[object]) -> list[Configured]:
    """The destinations of the setting, each checked, with its type's options.

    Raises:
        UnusableDestination: with every error of every destination.
    """
    found: list[Configured] = []
    problems: list[str] = []
    for number, entry in enumerate(given, start=1):
        name = entry.get("name") if isinstance(entry, Mapping) else None
        place = name if isinstance(name, str) and NAME.fullmatch(name) else f"number {number}"
        try:
            found.append(_configured(entry))
        except UnusableDestination as error:
            problems += [f"{place}: {line}" for line in error.lines]
    names = [one.name for one in found]
    problems += [
        f"{name}: two destinations have this name" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if problems:
        raise UnusableDestination(*problems)
    return found


def configured_before(given: Sequence[Mapping[str, Any]]) -> list[Configured]:
    """The destinations of a setting that `configure` has checked. Whether its types work still is seen by `make`."""
    return [
        Configured.model_validate(
            {key: value for key, value in entry.items() if key in COMMON}
            | {"options": {key: value for key, value in entry.items() if key not in COMMON}}
        )
        for entry in given
    ]


def make(configured: Configured) -> Destination[Any]:
    """A destination of its type, not yet open. Raises UnusableDestination."""
    kind = type_named(configured.type)
    return kind(configured.name, options_of(configured), dict(_top_level(configured.fields.rename)))


def options_of(configured: Configured) -> Options:
    """The options of a destination's type. Raises UnusableDestination."""
    return _options(type_named(configured.type), configured.options)


def _configured(entry: object) -> Configured:
    if not isinstance(entry, Mapping) or not all(isinstance(key, str) for key in entry):
        raise UnusableDestination("must be fields by name, with at least name and type")
    common = {key: value for key, value in entry.items() if key in COMMON}
    options = {key: value for key, value in entry.items() if key not in COMMON}
    configured, problems = _common(common, options)
    kind: type[Destination[Any]] | None = None
    if isinstance(name := common.get("type"), str):
        try:
            kind = type_named(name)
            _options(kind, options)
        except UnusableDestination as error:
            problems += error.lines
    if configured is not None:
        fields = configured.fields
        problems += problems_of(fields.drop, fields.rename, kind is None or kind.takes_documents)
    if problems:
        raise UnusableDestination(*problems)
    assert configured is not None, "a destination without errors and without fields"
    return configured


def _common(given: Mapping[str, object], options: Mapping[str, object]) -> tuple[Configured | None, list[str]]:
    """The fields that every destination has, or what is wrong with them."""
    problems: list[str] = []
    configured = None
    try:
        configured = Configured.model_validate({**given, "options": options})
    except ValidationError as error:
        problems += lines(error, given, COMMON)
    if isinstance(name := given.get("name"), str) and NAME.fullmatch(name) is None:
        problems.append(
            "name: must begin with a lower-case letter or a digit, and have only these, `-`, `_` and `.`: at most 63"
        )
    if isinstance(filters := given.get("filters"), list):
        problems += _problems_of_filters(filters)
    return configured, problems


def _problems_of_filters(filters: list[Any]) -> list[str]:
    # Imported here: whoever has no destinations needs no query language at start.
    from analytics_internal.forward.predicate import problem_of
    from analytics_internal.query import InvalidQuery, parse_filter

    try:
        problem = problem_of(parse_filter(filters))
    except InvalidQuery as error:
        return [
            f"{one.field or 'filters'}: {one.detail}"
            + (f"; allowed are {', '.join(one.allowed)}" if one.allowed else "")
            for one in error.errors or ()
        ]
    return [f"filters: {problem}"] if problem is not None else []


def _options(kind: type[Destination[Any]], given: Mapping[str, Any]) -> Options:
    try:
        return kind.Options.model_validate(dict(given))
    except ValidationError as error:
        raise UnusableDestination(*lines(error, given, (*COMMON, *kind.Options.model_fields))) from None
    except Exception as error:  # of a third party's validators
        raise UnusableDestination(f"its options cannot be checked: {without_values(error)}") from error


def _top_level(renamed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, new) for name, new in renamed.items() if "." not in name)
