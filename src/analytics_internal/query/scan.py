"""The rows of a table that a question is about, with the keys of their groups. Pure.

A measure (measures/) begins with such a scan of the events or of the measurements. The keys ``k0``, ``k1``, … are those
of the question's dimensions, in order: the number of a time bucket, an id, or a text.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import date

from sqlglot import exp, parse_one

from analytics_internal.days import EPOCH, number_of
from analytics_internal.dimensions import AGENT, BUCKET_DAYS, DECLARED, MONTH, WEEK, DayTable, Dimension
from analytics_internal.dimensions import HOUR as HOUR_DIMENSION
from analytics_internal.query import language
from analytics_internal.query.conditions import Matches, column_of, condition, literal, text_of
from analytics_internal.query.day_tables import rows_of
from analytics_internal.query.joins import HOUR, SESSION, add_joins, alias_of, session_ends
from analytics_internal.query.language import Query
from analytics_internal.query.terms import TERM, asked_dimensions, filter_without_terms, stages_of_terms
from analytics_internal.reader import DAY_KEYS

_HOUR_NUMBER = parse_one(
    f"{HOUR}.number + (epoch_us(e.occurred_at) - epoch_us({HOUR}.counted_from)) // 3600000000", dialect="duckdb"
)
CONDITION = "condition"
MAX_EXAMINED_FILTER = 4_096
IS_CURRENT = "is_current"
"""In a comparison: whether a row is of the period, not of the one before."""


class Scan:
    """How one question looks at the reader's tables.

    ``is_compared``: rows of the previous period count too. ``is_by_month``: its days are compared with those of later
    months, not with those so many days later. ``is_of_all_time``: some figure ignores the period.
    What programs did is left out, unless the question asks for them; ``asks_for_agents`` when another part of it does.
    """

    def __init__(
        self,
        query: Query,
        is_compared: bool,
        is_by_month: bool,
        is_of_all_time: bool = False,
        asks_for_agents: bool = False,
    ) -> None:
        self.query = query
        self.is_compared = is_compared
        self.keys = [f"k{n}" for n in range(len(query.dimensions))]
        # By dimension, without those of time: the name of its key, and what is declared of it.
        self.named = {
            name: (key, DECLARED[name])
            for key, name in zip(self.keys, query.dimensions, strict=True)
            if name not in BUCKET_DAYS
        }
        self._is_by_month = is_by_month
        self._is_of_all_time = is_of_all_time
        self._has_measurements = False
        self._is_about_people = not asks_for_agents and not any(map(names_agents, asked_dimensions(query)))
        self._conditions: list[language.Filter] = []
        self.named_by: dict[str, str] = {}
        """What stands for a table of names, because some keys are not in that."""

    @property
    def shown(self) -> list[tuple[str, str, str]]:
        """For each dimension that is not shown as its text: its key, the column that is shown, and where it is."""
        return [
            (key, one.shown_as, source_of(one, key)) for key, one in self.named.values() if one.shown_as is not None
        ]

    @property
    def lasting_keys(self) -> list[str]:
        """The keys but for that of time."""
        return [key for key in self.keys if key != self.time_key]

    @property
    def time_key(self) -> str | None:
        """The key of the question's dimension of time."""
        return next(
            (key for key, name in zip(self.keys, self.query.dimensions, strict=True) if name in BUCKET_DAYS), None
        )

    @functools.cached_property
    def columns(self) -> frozenset[str]:
        """The columns of the events that the keys and the filter look at, the period aside.

        ``position`` is among them where single events are needed.
        """
        if len(repr(self.query.filter)) > MAX_EXAMINED_FILTER:
            return frozenset({"position"})
        rows = self._rows("e.day", table="event", keys=None)
        self._completed(rows, Matches())
        names = [column.name for column in rows.find_all(exp.Column) if column.table == "e"]
        names.remove("position")  # of the condition that all have
        names.remove("day")  # selected above
        return frozenset(names)

    def of_all_time(
        self, *columns: exp.Expr | str, table: str = "event", keys: Sequence[str] | None = None
    ) -> exp.Select:
        """The rows of ``table AS e`` of all time that the filter lets pass: their keys (or some) and these columns."""
        self._is_of_all_time = True
        return self._rows(*columns, table=table, keys=keys)

    def of_periods(
        self, *columns: exp.Expr | str, table: str = "event", keys: Sequence[str] | None = None
    ) -> exp.Select:
        """As ``of_all_time``, but of the question's periods only, with ``is_current`` in a comparison."""
        scan = self._rows(*columns, table=table, keys=keys)
        if self.is_compared:
            scan = scan.select(exp.alias_(is_current(), IS_CURRENT), copy=False)
            if HOUR_DIMENSION in self.query.dimensions:
                # An hour before that is compared with a day that the clocks skipped has no bucket.
                scan = scan.where(exp.not_(exp.Is(this=column_of("number", HOUR), expression=exp.Null())), copy=False)
        return self.in_periods(self.with_shown(scan) if keys is None else scan)

    def with_shown(self, scan: exp.Select) -> exp.Select:
        """A scan with the columns that are shown of keys."""
        for _, shown, source in self.shown:
            scan = scan.select(column_of(shown, source))
        return scan

    def of_people(self, *columns: exp.Expr | str) -> exp.Select:
        """The events that a question may look at whatever it filters by."""
        return self._filtered(exp.select(*columns).from_("event AS e"), None)

    def _rows(self, *columns: exp.Expr | str, table: str, keys: Sequence[str] | None) -> exp.Select:
        self._has_measurements |= table == "measurement"
        is_of_days = table in DAY_KEYS
        source = rows_of(table, self.is_compared).subquery("e") if is_of_days else f"{table} AS e"
        rows = exp.select(*columns).from_(source)
        return self._filtered(self._with_keys(rows, self.keys if keys is None else keys), self.query.filter)

    def without_keys(self, *columns: exp.Expr | str) -> exp.Select:
        """The events of all time that the filter lets pass, without keys."""
        self._is_of_all_time = True
        return self._filtered(exp.select(*columns).from_("event AS e"), self.query.filter)

    def time_keys(self) -> list[exp.Expr]:
        """The keys that are times, of ``e.day``, whatever ``e`` is."""
        return [
            exp.alias_(self._bucket_index(dimension), key, copy=False)
            for key, dimension in zip(self.keys, self.query.dimensions, strict=True)
            if dimension in BUCKET_DAYS
        ]

    def condition(self, filter_: language.Filter) -> exp.Expr:
        """A filter as a condition on ``event AS e``, or on ``measurement AS e``: for a scan of one's own, too."""
        self._conditions.append(filter_)
        return exp.Placeholder(this=f"{CONDITION} {len(self._conditions) - 1}")

    def in_periods(self, scan: exp.Select) -> exp.Select:
        """Of a scan the rows of the question's periods."""
        in_period = _between("first_day", "last_day")
        if not self.is_compared:
            return scan.where(in_period, copy=False)
        in_previous = _between("previous_first_day", "previous_last_day")
        # An unfinished period is compared with as much of the one before.
        is_before = exp.LT(this=column_of("occurred_at", "e"), expression=time_parameter("previous_end"))
        return scan.where(exp.or_(in_period, exp.and_(in_previous, is_before)), copy=False)

    def with_conditions(self, tree: exp.Select) -> exp.Select:
        """The whole tree, with the filters' conditions in it and all that they and the keys refer to.

        Conditions come last because builders copy what they are given, often.
        """
        matches = Matches()
        joined = self._completed(tree, matches)
        stages: dict[str, exp.Query] = {}
        if SESSION in joined:
            stages["session_end"] = session_ends(self._sessions())
        if TERM in joined:
            events = self._filtered(exp.select().from_("event AS e"), filter_without_terms(self.query.filter))
            found = stages_of_terms(events if self._is_of_all_time else self.in_periods(events))
            if SESSION in self._completed(found["discovered"], matches) and SESSION not in joined:
                stages["session_end"] = session_ends(self._sessions())
            stages |= found
        for name, stage in reversed(stages.items()):
            tree.with_(name, as_=stage, copy=False)
            written = tree.args["with_"].expressions
            written.insert(0, written.pop())
        return tree

    def _completed(self, tree: exp.Expr, matches: Matches) -> set[str]:
        for placeholder in list(tree.find_all(exp.Placeholder)):
            name, _, number = placeholder.name.partition(" ")
            if name == CONDITION:
                placeholder.replace(condition(self._conditions[int(number)], matches))
        return add_joins(tree, matches)

    def _sessions(self) -> exp.Select:
        """The first and the last of the sessions that any scan may look at."""
        first, last = exp.Min(this=column_of("session", "e")), exp.Max(this=column_of("session", "e"))
        sessions = exp.select(exp.alias_(first, "first_session"), exp.alias_(last, "last_session")).from_("event AS e")
        # A measurement may be of the period although no event of its session is.
        is_of_periods = not (self._is_of_all_time or self._has_measurements)
        return self.in_periods(sessions) if is_of_periods else sessions

    def _with_keys(self, scan: exp.Select, keys: Sequence[str]) -> exp.Select:
        for key, dimension in zip(self.keys, self.query.dimensions, strict=True):
            if key not in keys:
                continue
            if dimension in BUCKET_DAYS:
                scan = scan.select(exp.alias_(self._bucket_index(dimension), key, copy=False), copy=False)
                continue
            scan, source = self._with_key(scan, key, DECLARED[dimension])
            scan = scan.select(exp.alias_(source, key, copy=False), copy=False)
        return scan

    def _with_key(self, scan: exp.Select, key: str, declared: Dimension) -> tuple[exp.Select, exp.Expr]:
        alias, column = declared.holder
        if has_id_as_key(declared):
            return scan, column_of(column, alias)
        if isinstance(declared.table, DayTable):
            return scan, column_of(declared.text, alias_of(declared.table))
        source = source_of(declared, key)
        if declared.member is not None:
            # Taken out of the JSON of each name, not of each event.
            texts = exp.select(column, exp.alias_(text_of(declared), "text")).from_(declared.table.name)
            on = f"{source}.{column} = {alias}.{column}"
            return scan.join(texts.subquery(source), on=on, join_type="LEFT"), column_of("text", source)
        if alias == "e":
            scan = join_names(scan, declared, source, f"e.{column}")
        return scan, column_of(declared.text, source)

    def _filtered(self, scan: exp.Select, filter_: language.Filter | None) -> exp.Select:
        scan = scan.where(exp.LTE(this=column_of("position", "e"), expression=parameter("position")), copy=False)
        if self._is_about_people:
            scan = scan.where(exp.Is(this=column_of(AGENT.id_column, "e"), expression=exp.Null()), copy=False)
        return scan.where(self.condition(filter_), copy=False) if filter_ is not None else scan

    def _bucket_index(self, dimension: str) -> exp.Expr:
        """The number of a row's bucket in its period, from 0 on; in the previous period that of its counterpart."""
        if dimension == HOUR_DIMENSION:
            return exp.cast(_HOUR_NUMBER.copy(), "INTEGER", copy=False)
        index = bucket_number_of(self._compared_day(), dimension)
        number = exp.Sub(this=exp.paren(index, copy=False), expression=parameter("first_bucket"))
        return exp.cast(number, "INTEGER", copy=False)

    def _compared_day(self) -> exp.Expr:
        """The day of a row; in the previous period, the day that it is compared with."""
        day = column_of("day", "e")
        if not self.is_compared:
            return day
        later: exp.Expr = exp.Add(this=day.copy(), expression=parameter("days_later"))
        if self._is_by_month:
            place = exp.Add(
                this=exp.Sub(this=day.copy(), expression=parameter("previous_first_day")),
                expression=exp.Literal.number(1),
            )
            later = exp.func("list_extract", exp.cast(parameter("counterparts"), "INTEGER[]"), place)
        return exp.Case(ifs=[exp.If(this=is_current(), true=day)], default=later)


def names_agents(dimension: str) -> bool:
    """Whether who asks for this dimension asks for programs, too."""
    return dimension in DECLARED and DECLARED[dimension].table is AGENT


def has_id_as_key(declared: Dimension) -> bool:
    """Whether rows are grouped by ids; otherwise by texts."""
    return declared.has_one_id or bool(declared.parts)


def source_of(declared: Dimension, key: str) -> str:
    """The alias of the table that names a key."""
    return TERM if declared.is_of_search else f"{declared.table.name}_of_{key}"


def join_names(
    select: exp.Select, declared: Dimension, alias: str, id_: str, named_by: str | None = None
) -> exp.Select:
    """Join a dimension's table of names, or what stands for it, by ids."""
    on = f"{alias}.{declared.table.id_column} = {id_}"
    return select.join(f"{named_by or declared.table.name} AS {alias}", on=on, join_type="LEFT")


def bucket_number(day: date, dimension: str) -> int:
    """The number of a day's bucket since 1970: days, weeks that begin on Monday, or months."""
    days = number_of(day)
    if dimension == WEEK:
        return (days + 3) // 7  # 1970-01-01 was a Thursday
    return (day.year * 12 + day.month) if dimension == MONTH else days


def bucket_number_of(day: exp.Expr, dimension: str) -> exp.Expr:
    """As ``bucket_number``, of a column of days."""
    if dimension == WEEK:
        return exp.IntDiv(
            this=exp.paren(exp.Add(this=day, expression=exp.Literal.number(3)), copy=False),
            expression=exp.Literal.number(7),
        )
    if dimension == MONTH:
        as_date = exp.paren(exp.Add(this=exp.cast(literal(str(EPOCH)), "DATE"), expression=exp.cast(day, "INTEGER")))
        years = exp.Mul(this=exp.Year(this=as_date), expression=exp.Literal.number(12))
        return exp.Add(this=years, expression=exp.Month(this=as_date.copy()))
    return day


def is_current() -> exp.Expr:
    """Whether a row of ``e`` is of the period, not of the one before."""
    return exp.paren(exp.GTE(this=column_of("day", "e"), expression=parameter("first_day")))


def parameter(name: str) -> exp.Expr:
    """One of ``plan.parameters``."""
    return exp.Parameter(this=exp.Var(this=name))


def time_parameter(name: str) -> exp.Expr:
    """A parameter that is an instant."""
    return exp.cast(parameter(name), "TIMESTAMP")


def _between(first: str, last: str) -> exp.Expr:
    column = column_of("day", "e")
    return exp.and_(
        exp.GTE(this=column, expression=parameter(first)), exp.LTE(this=column.copy(), expression=parameter(last))
    )
