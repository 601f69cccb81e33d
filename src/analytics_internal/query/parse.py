"""From the JSON of a question to a checked question, with clear words for what is wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import TypeVar
from uuid import UUID

import msgspec

from analytics_internal import dimensions
from analytics_internal.dimensions import HOUR
from analytics_internal.errors import Problem
from analytics_internal.query.conditions import comparisons
from analytics_internal.query.language import (
    COMPARISONS,
    CONNECTIVES,
    DAYS_OF_52_WEEKS,
    DIMENSIONS,
    FILTER_DIMENSIONS,
    MAX_DAYS,
    MAX_DIMENSIONS,
    MAX_FILTER_CHARACTERS,
    MAX_FILTER_DEPTH,
    MAX_FILTER_VALUES,
    MAX_FILTERS,
    MAX_LIMIT,
    MAX_POSITION,
    MAX_VALUE_LENGTH,
    METRICS,
    OPERATORS,
    SEGMENT,
    TIME_DIMENSIONS,
    UNUSED,
    UNUSED_DIMENSIONS,
    All,
    Any,
    Between,
    Compare,
    Contains,
    Direction,
    Filter,
    InvalidQuery,
    Is,
    Last,
    Not,
    Query,
    Segment,
    Unused,
    is_allowed,
)
from analytics_internal.query.metrics import DECLARED as METRICS_DECLARED
from analytics_internal.query.segments import resolved
from analytics_internal.query.wire import LAST, WireQuery

MAX_QUOTED = 80
S = TypeVar("S", bound=msgspec.Struct)


_decoder = msgspec.json.Decoder(WireQuery)


def parse(body: bytes, allow_no_limit: bool = False) -> tuple[Query, WireQuery]:
    """Read a question without segments.

    Returns it checked, and as it was written with the defaults filled in, to be echoed. Raises as ``decode`` and
    ``check``.
    """
    wire = decode(body)
    return check(wire, allow_no_limit), wire


def decode(body: bytes) -> WireQuery:
    """A breakdown's wire form. Raises InvalidQuery."""
    return decoded(body, _decoder)


def check(wire: WireQuery, allow_no_limit: bool = False, segments: Mapping[UUID, Segment] | None = None) -> Query:
    """Check a question, and fill its default order in.

    Raises:
        InvalidQuery: with every problem found, what is allowed named.
    """
    asked = resolved(wire, segments or {})
    problems: list[Problem] = []
    metrics = checked_names(asked.metrics, "metrics", METRICS, problems)
    if not asked.metrics:
        problems.append(Problem("metrics", "at least one is needed", list(METRICS)))
    dimensions = checked_names(asked.dimensions, "dimensions", DIMENSIONS, problems)
    if len(dimensions) > MAX_DIMENSIONS:
        problems.append(Problem("dimensions", f"at most {MAX_DIMENSIONS}"))
    if len([name for name in dimensions if name in TIME_DIMENSIONS]) > 1:
        problems.append(Problem("dimensions", "at most one time dimension", list(TIME_DIMENSIONS)))
    if HOUR in dimensions:
        by_hour = [
            name
            for name in METRICS
            if METRICS_DECLARED[name].measure in ("accesses", "searches", "newcomers", "measurements")
        ]
        whole_days = [name for name in metrics if name in METRICS and name not in by_hour]
        problems += [Problem("metrics", f"{name} counts whole days: not by time:hour", by_hour) for name in whole_days]
    filter_ = None
    if asked.filters is not None and are_within_limits(asked.filters, problems):
        filter_ = checked_filter(asked.filters, "filters", 1, problems)
    _check_combinations(metrics, dimensions, filter_, problems)
    date_range = checked_date_range(asked.date_range, problems)
    compare = checked_compare(asked.compare, date_range, problems)
    unused = _checked_unused(asked.unused, dimensions, problems)
    order_by = _order_by(asked.order_by, metrics, dimensions, problems)
    check_limit(asked.limit, allow_no_limit, problems)
    check_position(asked.position, problems)
    if problems:
        raise InvalidQuery(*problems)
    query = Query(
        metrics,
        dimensions,
        filter_,
        date_range,
        compare,
        order_by,
        asked.limit,
        asked.cursor,
        asked.position,
    )
    wire.order_by = [list(order) for order in order_by]
    return msgspec.structs.replace(query, unused=unused, segments=tuple((segments or {}).values()))


def _check_combinations(
    metrics: tuple[str, ...], dimensions: tuple[str, ...], filter_: Filter | None, problems: list[Problem]
) -> None:
    """A figure about the catalog cannot be grouped or filtered by what the catalog does not know."""
    filtered = {comparison.dimension for comparison in comparisons(filter_)} if filter_ is not None else set()
    for metric in metrics:
        declared = METRICS_DECLARED.get(metric)
        if declared is None:
            continue
        for field, names, allowed in (
            ("dimensions", dimensions, declared.dimensions),
            ("filters", sorted(filtered), declared.filters),
        ):
            problems += [
                Problem(field, f"{shortened(name)} does not go with the metric `{metric}`", list(allowed))
                for name in names
                if allowed is not None and name not in allowed
            ]


def _checked_unused(given: str, dimensions: tuple[str, ...], problems: list[Problem]) -> Unused:
    unused: Unused | None = next((name for name in UNUSED if name == given), None)
    if unused is None:
        problems.append(Problem("unused", f"unknown: {shortened(given)}", list(UNUSED)))
    elif unused != "leave_out" and (len(dimensions) != 1 or dimensions[0] not in UNUSED_DIMENSIONS):
        detail = "exactly one dimension, whose values the catalog knows"
        problems.append(Problem("dimensions", detail, list(UNUSED_DIMENSIONS)))
    return unused or "leave_out"


def decoded(body: bytes, decoder: msgspec.json.Decoder[S]) -> S:
    """A question's wire form. Raises InvalidQuery."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidQuery(_form_problem(str(error), decoder.type)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidQuery(Problem("", f"the body is not JSON: {_cut(str(error))}")) from error


def parse_filter(given: list[object]) -> Filter:
    """Read a filter alone, as a question has it. Raises InvalidQuery."""
    problems: list[Problem] = []
    filter_ = checked_filter(given, "filters", 1, problems) if are_within_limits(given, problems) else None
    if filter_ is None or problems:
        raise InvalidQuery(*problems)
    return filter_


def checked_compare(given: str | None, date_range: Last | Between | None, problems: list[Problem]) -> Compare | None:
    compare: Compare | None = next((name for name in COMPARISONS if name == given), None)
    if given is not None and compare is None:
        problems.append(Problem("compare", f"unknown: {shortened(given)}", [*COMPARISONS, "null"]))
    if given is not None and date_range is None:
        problems.append(Problem("compare", 'there is no period before "all"'))
    if compare == "same_weeks_last_year" and not _is_within(date_range, DAYS_OF_52_WEEKS):
        problems.append(
            Problem("compare", f"a period of at most {DAYS_OF_52_WEEKS} days can be compared with last year")
        )
    return compare


def _is_within(date_range: Last | Between | None, days: int) -> bool:
    if isinstance(date_range, Last):
        # A month has at most 31 days, but eleven of them have fewer.
        return date_range.count * {"d": 1, "w": 7, "m": 33}[date_range.unit] <= days
    return date_range is None or (date_range.last - date_range.first).days < days


def _form_problem(message: str, struct: type[msgspec.Struct]) -> Problem:
    field = message.partition("`$.")[2].partition("`")[0].partition("[")[0]
    if "unknown field" in message:
        return Problem(_cut(message.split("`")[1]), "unknown field", [f.name for f in msgspec.structs.fields(struct)])
    if "missing required field" in message:
        missing = message.split("`")[1]
        return Problem(missing, "is required", list(METRICS) if missing == "metrics" else None)
    return Problem(_cut(field), message)


def checked_names(given: list[str], field: str, allowed: tuple[str, ...], problems: list[Problem]) -> tuple[str, ...]:
    unknown = list(dict.fromkeys(name for name in given if not is_allowed(name, allowed)))
    problems += [Problem(field, f"unknown: {shortened(name)}", list(allowed)) for name in unknown]
    if len(set(given)) < len(given):
        problems.append(Problem(field, "one is named twice"))
    return tuple(given)


def are_within_limits(given: list[object], problems: list[Problem]) -> bool:
    """Whether a question's filters are small enough to be looked at one by one, whatever is in them."""
    filters = values = characters = 0
    waiting: list[object] = [given]
    while waiting:
        filter_ = waiting.pop()
        filters += 1
        if not isinstance(filter_, list) or not filter_:
            continue
        operator, *rest = filter_
        if operator in CONNECTIVES:
            waiting += rest
        elif len(rest) == 2 and isinstance(rest[1], list):
            values += len(rest[1])
            characters += sum(len(value) for value in rest[1] if isinstance(value, str))
    too_many = [
        Problem("filters", f"{count:,} {what}; a question may have {limit:,}")
        for count, limit, what in (
            (filters, MAX_FILTERS, "filters, each `and`, `or` and `not` counted as one"),
            (values, MAX_FILTER_VALUES, "values in all filters together"),
            (characters, MAX_FILTER_CHARACTERS, "characters in all values together"),
        )
        if count > limit
    ]
    problems += too_many
    return not too_many


def checked_filter(given: object, field: str, depth: int, problems: list[Problem]) -> Filter | None:
    form = (
        '["is" | "is_not" | "contains", dimension, [value, …]], ["and" | "or", filter, …], ["not", filter] or '
        '["segment", id]'
    )
    if not isinstance(given, list) or not given or not isinstance(given[0], str):
        problems.append(Problem(field, f"a filter is {form}"))
        return None
    if depth > MAX_FILTER_DEPTH:
        problems.append(Problem(field, f"filters are nested at most {MAX_FILTER_DEPTH} deep"))
        return None
    operator, *rest = given
    if operator in CONNECTIVES:
        parts = [checked_filter(part, f"{field}[{n}]", depth + 1, problems) for n, part in enumerate(rest, start=1)]
        found = tuple(part for part in parts if part is not None)
        if not rest or (operator == "not" and len(rest) != 1):
            problems.append(Problem(field, '"not" takes one filter, "and" and "or" at least one'))
            return None
        if len(found) < len(rest):
            return None
        return Not(found[0]) if operator == "not" else All(found) if operator == "and" else Any(found)
    if operator == SEGMENT:
        problems.append(Problem(field, "a segment cannot be named here: write its filters out"))
        return None
    if operator not in OPERATORS:
        allowed = [*OPERATORS, *CONNECTIVES, SEGMENT]
        problems.append(Problem(field, f"unknown operator: {shortened(operator)}", allowed))
        return None
    if len(rest) != 2 or not isinstance(rest[1], list):
        problems.append(Problem(field, f"a filter is {form}"))
        return None
    return _comparison(operator, rest[0], rest[1], field, problems)


def _comparison(
    operator: str, dimension: object, values: list[object], field: str, problems: list[Problem]
) -> Filter | None:
    if not isinstance(dimension, str) or not is_allowed(dimension, FILTER_DIMENSIONS):
        problems.append(Problem(field, f"unknown dimension: {shortened(dimension)}", list(FILTER_DIMENSIONS)))
        return None
    if not values:
        problems.append(Problem(field, "at least one value"))
        return None
    if dimensions.DECLARED[dimension].parts:
        ids = [v for v in values if isinstance(v, int) and not isinstance(v, bool) and 0 < v < 2**31]
        if operator == "contains" or len(ids) < len(values):
            problems.append(
                Problem(
                    field,
                    f"{dimension}s are compared by `is` and `is_not` with the ids of {dimension}s (whole numbers)",
                )
            )
            return None
        return Is(dimension, tuple(ids), operator == "is_not")
    texts = [v for v in values if isinstance(v, str) and len(v) <= MAX_VALUE_LENGTH and "\0" not in v]
    nothing = [v for v in values if v is None] if operator != "contains" else []
    if len(texts) + len(nothing) < len(values):
        expected = "texts" if operator == "contains" else "texts or null"
        problems.append(
            Problem(
                field, f"values of `{dimension}` are {expected} of at most {MAX_VALUE_LENGTH:,} characters, without NUL"
            )
        )
        return None
    if operator == "contains":
        return Contains(dimension, tuple(texts))
    return Is(dimension, (*texts, *nothing), operator == "is_not")


def checked_date_range(given: object, problems: list[Problem]) -> Last | Between | None:
    forms = ['{"last": "28d"}', '{"from": "2026-10-01", "to": "2026-10-31"}', '"all"']
    if given == "all":
        return None
    if isinstance(given, dict) and set(given) == {"last"} and isinstance(given["last"], str):
        match = re.fullmatch(LAST, given["last"])
        if match and int(match[1]) * {"d": 1, "w": 7, "m": 31}[match[2]] <= MAX_DAYS:
            return Last(int(match[1]), match[2])  # type: ignore[arg-type]
        problems.append(Problem("date_range.last", "a number of days, weeks or months", ["28d", "4w", "12m"]))
        return None
    if isinstance(given, dict) and set(given) == {"from", "to"}:
        days = [_day(given[name], f"date_range.{name}", problems) for name in ("from", "to")]
        if days[0] is None or days[1] is None:
            return None
        if days[0] > days[1]:
            problems.append(Problem("date_range", "`from` is after `to`"))
        elif (days[1] - days[0]).days > MAX_DAYS:
            problems.append(Problem("date_range", "at most 50 years"))
        return Between(days[0], days[1])
    problems.append(Problem("date_range", f"unknown form: {shortened(given)}", forms))
    return None


def _day(given: object, field: str, problems: list[Problem]) -> date | None:
    try:
        day = date.fromisoformat(given) if isinstance(given, str) and len(given) == 10 else None
    except ValueError:
        day = None
    # The years around the edges of the calendar are left out: their time zones' offsets would lead out of it.
    if day is None or not 1970 <= day.year <= 2200:
        problems.append(Problem(field, "a day from 1970-01-01 to 2200-12-31 as YYYY-MM-DD"))
        return None
    return day


def _order_by(
    given: list[list[str]] | None, metrics: tuple[str, ...], dimensions: tuple[str, ...], problems: list[Problem]
) -> tuple[tuple[str, Direction], ...]:
    if given is None:
        time = next((name for name in dimensions if name in TIME_DIMENSIONS), None)
        if time is not None:
            return ((time, "asc"),)
        return ((metrics[0], "desc"),) if metrics else ()
    known = (*METRICS, *DIMENSIONS)
    allowed = [name for name in (*metrics, *dimensions) if is_allowed(name, known)]
    order: list[tuple[str, Direction]] = []
    for pair in given:
        if len(pair) != 2 or pair[0] not in allowed or pair[1] not in ("asc", "desc"):
            problems.append(
                Problem(
                    "order_by",
                    f'[one of the question\'s metrics and dimensions, "asc" or "desc"]; not {shortened(pair)}',
                    allowed,
                )
            )
        else:
            order.append((pair[0], "asc" if pair[1] == "asc" else "desc"))
    if len({name for name, _ in order}) < len(order):
        problems.append(Problem("order_by", "one is named twice"))
    return tuple(order)


def check_limit(limit: int | None, allow_no_limit: bool, problems: list[Problem]) -> None:
    if limit is None and not allow_no_limit:
        problems.append(Problem("limit", "null (every row) is for files", [f"1 to {MAX_LIMIT:,}"]))
    elif limit is not None and not 1 <= limit <= MAX_LIMIT:
        problems.append(Problem("limit", f"{limit} is not in 1 to {MAX_LIMIT:,}"))


def check_position(position: int | None, problems: list[Problem]) -> None:
    if position is not None and not 0 <= position <= MAX_POSITION:
        problems.append(Problem("position", "a position of the log: `meta.position` of an earlier answer"))


def shortened(value: object) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…"
