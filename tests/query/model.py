"""What a right answer is, in plain Python over a list of events."""

from __future__ import annotations

import calendar
import functools
import itertools
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.query.model_metrics import ACTIVE, IS_NEW, active, as_previous, counted_in, figure

DAY = timedelta(days=1)
HALF_AN_HOUR = timedelta(minutes=30)
Question = dict[str, Any]
Rows = list[dict[str, Any]]


class Access(NamedTuple):
    """One event as the model sees it. In a list of them, an event's place is its place in the log."""

    at: datetime
    action: str
    subject: str
    path: str | None
    plugin: str | None
    entity: str | None
    person: str | None
    item: int
    session: UUID | None
    doc_page: str | None
    extension: str | None
    route: str | None
    value: float | None = None
    typed: str | None = None
    """What was searched for: set by ``with_searches``."""
    led_to_click: bool = False
    """Whether a click on a result came from this search: set by ``with_searches``."""
    agent: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    """Each with its value as text."""
    entry_page: str | None = None
    exit_page: str | None = None
    """Set by ``with_sessions``."""
    teams: tuple[str, ...] = ()
    entity_type: str | None = None
    owner: str | None = None
    system: str | None = None
    domain: str | None = None
    lifecycle: str | None = None
    """As the catalog had them at the end of the day: set by ``model_catalog.as_of_their_days``."""

    @property
    def search_term(self) -> str | None:
        return folded(self.typed) if self.typed is not None else None

    @property
    def entity_kind(self) -> str | None:
        return self.entity.split(":")[0] if self.entity is not None else None

    @property
    def template(self) -> str | None:
        return self.entity if self.entity is not None and self.entity.startswith("template:") else None

    @property
    def doc_site(self) -> str | None:
        if self.doc_page is None:
            return None
        _, _, namespace, kind, name, *_ = self.doc_page.split("/")
        return f"{kind}:{namespace}/{name}"


def folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def with_searches(accesses: Sequence[Access]) -> list[Access]:
    """The events with what was searched for: in searches, and before clicks on a result."""
    came_from = {
        place: _search_of(click, accesses) for place, click in enumerate(accesses) if click.action == "discover"
    }
    found = []
    for place, access in enumerate(accesses):
        source = came_from.get(place)
        search = accesses[source] if source is not None else access
        typed = " ".join(search.subject.split()) or None if search.action == "search" else None
        found.append(access._replace(typed=typed, led_to_click=place in came_from.values()))
    return found


def with_sessions(accesses: Sequence[Access]) -> list[Access]:
    """The events with the pages where their sessions began and ended."""
    found = []
    for access in accesses:
        pages = [
            (other.at, place, other.path)
            for place, other in enumerate(accesses)
            if other.action == "navigate"
            and (other.session, other.person, other.agent) == (access.session, access.person, access.agent)
        ]
        has_pages = access.session is not None and bool(pages)
        ends = (min(pages)[2], max(pages)[2]) if has_pages else (None, None)
        found.append(access._replace(entry_page=ends[0], exit_page=ends[1]))
    return found


def _search_of(click: Access, accesses: Sequence[Access]) -> int | None:
    """The place of the search that a click on a result came from."""
    before = [(access.at, place) for place, access in enumerate(accesses) if _may_have_led_to(click, access)]
    return max(before)[1] if before else None


def _may_have_led_to(click: Access, access: Access) -> bool:
    if access.action != "search" or access.at > click.at:
        return False
    if (access.person, access.agent) != (click.person, click.agent):
        return False
    if click.session is not None:
        return access.session == click.session
    return click.person is not None and click.at - access.at <= HALF_AN_HOUR


def _matches_teams(operator: str, texts: Sequence[Any], access: Access) -> bool:
    if operator == "contains":
        return any(text.lower() in team.lower() for text in texts for team in access.teams)
    is_one = any(text in access.teams if text is not None else not access.teams for text in texts)
    return is_one == (operator == "is")


def value_of(access: Access, dimension: str) -> Any:
    """What an event has of a dimension with one value."""
    if dimension.startswith("attr:"):
        return dict(access.attributes).get(dimension.removeprefix("attr:"))
    return getattr(access, dimension)


def ref_of(text: str) -> str:
    """An entity ref in full, in small letters."""
    kind, _, name = text.lower().rpartition(":")
    return f"{kind}:{name}" if "/" in name else f"{kind}:default/{name}"


def _in_kind(kind: str) -> Callable[[str], str]:
    return lambda text: ref_of(text if ":" in text else f"{kind}:{text}")


SPELLED: dict[str, Callable[[str], str]] = {
    "search_term": folded,
    "entity_kind": str.lower,
    "template": ref_of,
    "doc_site": ref_of,
    "owner": _in_kind("group"),
    "system": _in_kind("system"),
    "domain": _in_kind("domain"),
    "team": _in_kind("group"),
}
"""How values of a filter are compared with the dimension's own."""


@functools.lru_cache(100_000)
def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first second, after all there were before it, whose date in the zone is this day or a later one."""
    minute = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=16)
    while minute.astimezone(zone).date() < day:
        minute += timedelta(minutes=1)
    seconds = (minute - timedelta(seconds=60 - n) for n in range(1, 61))
    return next(second for second in seconds if second.astimezone(zone).date() >= day)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The last day that has begun: it does not end when the clocks go back over midnight."""
    date_ = at.astimezone(zone).date()
    return date_ + DAY if at >= first_instant(date_ + DAY, zone) else date_


def matches(given: Sequence[Any] | None, access: Access) -> bool:
    """Whether an event passes a filter as it is written in a question."""
    if given is None:
        return True
    operator, *rest = given
    if operator in ("and", "or"):
        return (all if operator == "and" else any)(matches(part, access) for part in rest)
    if operator == "not":
        return not matches(rest[0], access)
    if rest[0] in SPELLED and operator != "contains":
        rest[1] = [text if text is None else SPELLED[rest[0]](text) for text in rest[1]]
    elif rest[0] == "search_term":
        rest[1] = [folded(text) for text in rest[1]]
    if rest[0] == "team":
        return _matches_teams(operator, rest[1], access)
    value = value_of(access, rest[0])
    if operator == "contains":
        return value is not None and any(text.lower() in value.lower() for text in rest[1])
    return bool((value in rest[1]) == (operator == "is"))


MINUTE = timedelta(minutes=1)


@functools.lru_cache(100_000)
def hours_of(day: date, zone: ZoneInfo) -> list[tuple[datetime, int, int]]:
    """The first instant of each hour of a day, its clock hour, and how many of that clock hour came before."""
    found: list[tuple[datetime, int, int]] = []
    shown = None
    minute = first_instant(day, zone)
    while minute < first_instant(day + DAY, zone):
        local = minute.astimezone(zone)
        if (local.hour, local.utcoffset()) != shown:
            found.append((minute, local.hour, sum(hour == local.hour for _, hour, _ in found)))
            shown = local.hour, local.utcoffset()
        minute += MINUTE
    return found


def hour_of(at: datetime, day: date, counterpart: date, zone: ZoneInfo) -> list[str]:
    """The hour of an instant; on another day the same clock hour, else the one before it, else the first, if any."""
    _, clock, nth = max(hour for hour in hours_of(day, zone) if hour[0] <= at)
    there = sorted((other, times, start) for start, other, times in hours_of(counterpart, zone))
    before = [start for other, times, start in there if (other, times) <= (clock, nth)]
    return [
        start.astimezone(zone).isoformat(timespec="seconds") for start in (before[-1:] or [one[2] for one in there[:1]])
    ]


def asked_of(question: Question) -> set[str]:
    """The dimensions that a question groups and filters by."""

    def in_filter(given: Sequence[Any] | None) -> set[str]:
        if given is None:
            return set()
        operator, *rest = given
        return {rest[0]} if operator not in ("and", "or", "not") else set().union(*map(in_filter, rest))

    return {*question.get("dimensions", []), *in_filter(question.get("filters"))}


def bucket(day: date, dimension: str) -> date:
    if dimension == "time:week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if dimension == "time:month" else day


def buckets(first: date, last: date, dimension: str) -> list[date]:
    return sorted({bucket(first + n * DAY, dimension) for n in range((last - first).days + 1)})


def period_of(question: Question, accesses: Sequence[Access], zone: ZoneInfo, now: datetime) -> tuple[date, date]:
    today = day_of(now, zone)
    asked = question.get("date_range", {"last": "28d"})
    if asked == "all":
        return min([today, *(day_of(access.at, zone) for access in accesses)]), today
    if "from" in asked:
        return date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"])
    if months := months_of(question):
        return months_later(today, -months) + DAY, today
    days = int(asked["last"][:-1]) * {"d": 1, "w": 7}[asked["last"][-1]]
    return today - (days - 1) * DAY, today


def months_of(question: Question) -> int:
    """How many months a question looks back; 0 where its period is so many days."""
    asked = question.get("date_range", {})
    last = asked.get("last", "") if isinstance(asked, dict) else ""
    return int(last[:-1]) if last.endswith("m") else 0


def months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def counterparts(first: date, last: date, months: int) -> dict[date, date]:
    """The days of the previous period, each with the day of this one that is one period later."""
    if not months:
        length = (last - first).days + 1
        return {first + (n - length) * DAY: first + n * DAY for n in range(length)}
    begin = months_later(first, -months)
    days = [begin + n * DAY for n in range((first - begin).days)]
    return {day: sorted([first, months_later(day, months), last])[1] for day in days}


def compared_days(question: Question, first: date, last: date) -> dict[date, date]:
    """The days that a question compares its own with, each with the one that it is compared with."""
    if question.get("compare") == "same_weeks_last_year":
        days = [first + n * DAY for n in range((last - first).days + 1)]
        return {day - 52 * 7 * DAY: day for day in days}
    return counterparts(first, last, months_of(question)) if question.get("compare") else {}


def time_labels(question: Question, first: date, last: date, dimension: str, zone: ZoneInfo) -> Rows:
    """Every bucket with the first and the last day it is compared with, but for whether it is complete."""
    compared: dict[str, list[str]] = {label: [] for label in _labels_of_buckets(first, last, dimension, zone)}
    for day, other in compared_days(question, first, last).items():
        if dimension == "time:hour":
            labels = {label for start, *_ in hours_of(day, zone) for label in hour_of(start, day, other, zone)}
        else:
            labels = {str(bucket(other, dimension))}
        for label in labels:
            compared[label].append(str(day))
    return [
        {"label": label, "previous": {"from": min(days), "to": max(days)} if days else None}
        for label, days in compared.items()
    ]


def _labels_of_buckets(first: date, last: date, dimension: str, zone: ZoneInfo) -> list[str]:
    if dimension != "time:hour":
        return [str(label) for label in buckets(first, last, dimension)]
    days = [first + number * DAY for number in range((last - first).days + 1)]
    return [label for day in days for start, *_ in hours_of(day, zone) for label in hour_of(start, day, day, zone)]


Groups = dict[tuple[Any, ...], tuple[list[Access], list[Access]]]


def answer(accesses: Sequence[Access], question: Question, zone: ZoneInfo, now: datetime) -> Rows:  # noqa: PLR0915
    """All rows of the answer, in order. What the catalog says is in the events already."""
    first, last = period_of(question, accesses, zone, now)
    accesses = with_searches(accesses)
    if asked_of(question) & {"entry_page", "exit_page"}:
        accesses = with_sessions(accesses)
    if "agent" not in asked_of(question):
        accesses = [access for access in accesses if access.agent is None]
    matching = [access for access in accesses if matches(question.get("filters"), access)]
    pairs = compared_days(question, first, last)
    dimensions: list[str] = question.get("dimensions", [])
    time = next((name for name in dimensions if name.startswith("time:")), None)

    def keys_of(access: Access) -> list[tuple[Any, ...]]:
        day = day_of(access.at, zone)
        labels = [
            hour_of(access.at, day, pairs.get(day, day), zone)
            if name == "time:hour"
            else _labels(access, name, pairs.get(day, day))
            for name in dimensions
        ]
        return list(itertools.product(*labels))

    def grouped(counted: Sequence[Access]) -> Groups:
        """Some events of the period, and of the one before, by their groups."""
        groups: Groups = {}
        for access in counted:
            if first <= day_of(access.at, zone) <= last:
                for key in keys_of(access):
                    groups.setdefault(key, ([], []))[0].append(access)
        for access in _previous(counted, pairs, zone, now):
            for key in keys_of(access):
                groups.setdefault(key, ([], []))[1].append(access)
        return groups

    def lasting(key: tuple[Any, ...]) -> tuple[Any, ...]:
        """A group, time aside."""
        return tuple(label for label, name in zip(key, dimensions, strict=True) if name != time)

    def first_seen(key: tuple[Any, ...]) -> dict[str | None, datetime]:
        """When each person was first in a group, time aside."""
        seen: dict[str | None, datetime] = {}
        for access in counted_in("people", matching):
            if lasting(key) in map(lasting, keys_of(access)):
                seen[access.person] = min(access.at, seen.get(access.person, access.at))
        return seen

    today = day_of(now, zone)
    ends = _ends([first + n * DAY for n in range((min(last, today) - first).days + 1)], time, {})
    come = [day for day in pairs if day <= today and has_come(first_instant(day, zone), day, pairs, zone, now)]
    previous_ends = _ends(come, time, pairs)

    def active_in(metric: str) -> dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, Any]]]:
        """A metric about the days until the end of each bucket, in each group in which it is something."""
        known = [access for access in counted_in("people", matching) if access.person is not None]
        groups: dict[tuple[Any, ...], set[tuple[str, date]]] = {(): set()} if dimensions in ([], [time]) else {}
        earlier: dict[tuple[Any, ...], set[tuple[str, date]]] = {}
        for access in known:
            day = day_of(access.at, zone)
            for key in {lasting(key) for key in keys_of(access)}:
                groups.setdefault(key, set()).add((str(access.person), day))
                if day not in pairs or has_come(access.at, day, pairs, zone, now):
                    earlier.setdefault(key, set()).add((str(access.person), day))
        found = {}
        for key in groups:
            for label in ends | previous_ends:
                parts = [
                    active(metric, days.get(key, set()), reached.get(label, date.min))
                    for days, reached in ((groups, ends), (earlier, previous_ends))
                ]
                whole = list(key)
                if time is not None:
                    whole.insert(dimensions.index(time), label)
                is_something = any(part[name] for part in parts for name in part)
                if is_something or not key:
                    found[tuple(whole)] = parts[0], parts[1]
        return found

    asked: list[str] = [name for name in question["metrics"] if time is not None or not name.endswith("_access")]
    over_days = {name: active_in(name) for name in asked if name in ACTIVE}
    groups_of = {name: grouped(counted_in(name, matching)) for name in asked or ["events"] if name not in ACTIVE}
    there = {
        key: None
        for groups in groups_of.values()
        for key, (now_there, _) in groups.items()
        if now_there or time is not None
    }
    for parts_of in over_days.values():
        there |= {key: None for key, (now_there, _) in parts_of.items() if time is not None or any(now_there.values())}
    rows = []
    for key in there if dimensions else [()]:
        row = dict(zip(dimensions, key, strict=True))
        if "search_term" in dimensions:
            row["search_term"] = _spelling(row["search_term"], groups_of.values(), dimensions.index("search_term"))
        for metric in question["metrics"]:
            now_there, before = groups_of.get(metric, {}).get(key, ([], []))
            if metric.endswith("_access") and time is None:
                now_there = [access for access in counted_in(metric, matching) if key in keys_of(access)]
            seen = first_seen(key) if metric in IS_NEW else None
            if metric in over_days:
                nothing = active(metric, set(), first)
                parts = over_days[metric].get(key, (nothing, nothing))
            else:
                parts = figure(metric, now_there, seen), figure(metric, before, seen)
            row[metric] = parts[0]
            if question.get("compare") and not metric.endswith("_access"):
                row[metric] = parts[0] | as_previous(parts[1])
        rows.append(row)
    return ordered(rows, question)


def _previous(accesses: Sequence[Access], pairs: dict[date, date], zone: ZoneInfo, now: datetime) -> list[Access]:
    """The events that would be in the period, and not after now, were they one period later."""
    days = [(access, day_of(access.at, zone)) for access in accesses]
    return [access for access, day in days if day in pairs and has_come(access.at, day, pairs, zone, now)]


def has_come(at: datetime, day: date, pairs: dict[date, date], zone: ZoneInfo, now: datetime) -> bool:
    """Whether something on a day of the previous period would be over now, were it one period later."""
    today = day_of(now, zone)
    if pairs[day] == today:
        return at - first_instant(day, zone) < now - first_instant(today, zone)
    return pairs[day] <= today or today < min(pairs.values())


def _ends(days: Sequence[date], time: str | None, pairs: dict[date, date]) -> dict[str | None, date]:
    """The last of some days in each bucket."""
    return {bucket(pairs.get(day, day), time).isoformat() if time else None: day for day in sorted(days)}


def _labels(access: Access, name: str, day: date) -> Sequence[Any]:
    """All that an event counts for in a dimension."""
    if name == "item":
        return [(access.subject, access.action, access.item, access.path)]
    if name == "team":
        return access.teams or [None]
    return [bucket(day, name).isoformat() if name.startswith("time:") else value_of(access, name)]


def _spelling(term: str | None, all_groups: Iterable[Groups], place: int) -> str | None:
    """Of the ways a term was typed in all its rows, the last one in the order of texts."""
    every = [(key, part) for groups in all_groups for key, counted in groups.items() for part in counted]
    shared = [access for key, part in every if key[place] == term for access in part]
    return max((access.typed for access in shared if access.typed is not None), default=None)


def ordered(rows: Rows, question: Question) -> Rows:
    dimensions: list[str] = question.get("dimensions", [])
    time = [name for name in dimensions if name.startswith("time:")]
    order = question.get("order_by") or [[time[0], "asc"] if time else [question["metrics"][0], "desc"]]
    for name, direction in [*order, *([name, "asc"] for name in dimensions)][::-1]:
        is_tie = name == "item" and [name, direction] not in order
        rows = _sorted_by(rows, name, direction == "desc", is_tie)
    return [_with_item_as_object(row) for row in rows]


def sort_key(text: str) -> tuple[str, str]:
    """Case and accents aside, then by bytes."""
    letters = unicodedata.normalize("NFD", text.lower().replace("ß", "ss").replace("ø", "o").replace("ł", "l"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter)), text


def _sorted_by(rows: Rows, name: str, descending: bool, by_id: bool) -> Rows:
    def value(row: dict[str, Any]) -> Any:
        found = row[name]["value"] if isinstance(row[name], dict) else row[name]
        if name == "time:hour":
            return datetime.fromisoformat(found)
        if name == "item":
            return found[2] if by_id else (sort_key(found[0]), sort_key(found[1]))
        is_text = isinstance(found, str) and not isinstance(row[name], dict)
        return sort_key(found) if is_text else found

    known = sorted((row for row in rows if value(row) is not None), key=value, reverse=descending)
    return known + [row for row in rows if value(row) is None]


def _with_item_as_object(row: dict[str, Any]) -> dict[str, Any]:
    if "item" not in row:
        return row
    subject, action, id_, path = row["item"]
    return row | {"item": {"id": id_, "action": action, "subject": subject, "path": path}}
