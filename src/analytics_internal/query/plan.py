"""From a question to the tree of its SQL. Pure; the tree is rendered for an engine by its caller.

The tree has up to four stages: ``scanned`` (the events that count, with their keys), ``grouped`` (one row a group
with its metrics), ``page`` (in order, cut to the asked page) and ``access`` (first and last access of the page's
groups, whatever the period). Questions about search terms have two more before them: terms.py.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta

import msgspec
from sqlglot import exp, parse_one

from analytics_internal.cache import Cache, size_of
from analytics_internal.days import EPOCH, number_of
from analytics_internal.dimensions import BUCKET_DAYS, DECLARED, MONTH, WEEK, Dimension
from analytics_internal.query import language
from analytics_internal.query.conditions import column_of, condition, literal
from analytics_internal.query.language import Query
from analytics_internal.query.metrics import DECLARED as METRICS
from analytics_internal.query.period import Period, Previous
from analytics_internal.query.terms import asks_for_terms, filter_without_terms, joined_to_terms, stages_of_terms
from analytics_internal.reader import SORT_KEY

CONDITION = "condition"
# Longer filters are planned each time: a remembered plan keeps its filter in memory.
MAX_REMEMBERED_FILTER = 4_096
MAX_REMEMBERED_BYTES = 65_536


class Plan(msgspec.Struct, frozen=True):
    """A question made ready: the columns of ``sql`` are ``labels``, then ``metrics``, then the total of rows."""

    sql: str
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    """Column names: a metric's, or a metric's with ``.previous``."""
    parameters: frozenset[str]
    """Those of ``parameters`` that the SQL names; DuckDB refuses others."""


async def plan_beside(
    executor: Executor, place: AbstractAsyncContextManager[None], query: Query, is_compared: bool, is_by_month: bool
) -> Plan:
    """As ``plan``, but remembered and beside the event loop: large filters take some tenths of a second.

    ``place`` is waited for before it begins, and held until it is over: whoever leaves meanwhile leaves nothing to do.
    """
    key = msgspec.structs.replace(query, cursor=None, date_range=None, position=None), is_compared, is_by_month
    if (known := _remembered.get(key)) is not None:
        return known
    async with place:
        if (known := _remembered.get(key)) is not None:
            return known  # somebody else has asked the same
        planned = await _to_its_end(asyncio.get_running_loop().run_in_executor(executor, plan, *key))
        if len(repr(query.filter)) <= MAX_REMEMBERED_FILTER:
            _remembered.put(key, planned)
        return planned


async def _to_its_end(planning: asyncio.Future[Plan]) -> Plan:
    """The plan. Cancelled, it waits for the thread all the same: the next one needs it."""
    was_cancelled = False
    while not planning.done():
        try:
            await asyncio.wait({planning})
        except asyncio.CancelledError:
            was_cancelled = True
    if was_cancelled:
        planning.exception()  # seen: nobody waits for it any more
        raise asyncio.CancelledError
    return planning.result()


def plan(query: Query, is_compared: bool, is_by_month: bool) -> Plan:
    """The SQL of a question, for every period and position: those are its parameters.

    ``is_by_month`` says whether the days of the previous period are compared with those of later months.
    """
    builder = _Builder(query, is_compared, is_by_month)
    tree = builder.tree()
    named = frozenset(parameter.name for parameter in tree.find_all(exp.Parameter))
    return Plan(tree.sql(dialect="duckdb", copy=False), builder.labels(), builder.metric_columns(), named)


def _size_of(key: tuple[Query, bool, bool], planned: Plan) -> int:
    # A filter is a tree of small objects: some ten times its text.
    return 1_024 + 10 * len(repr(key[0])) + size_of(planned.sql, planned.labels, planned.metrics, planned.parameters)


_remembered: Cache[tuple[Query, bool, bool], Plan] = Cache("plans", _size_of, MAX_REMEMBERED_BYTES)


def parameters(
    query: Query, period: Period, previous: Previous | None, position: int, rows_before: int
) -> dict[str, object]:
    """The values of a plan's parameters: days since 1970, instants in UTC, a position, and rows."""
    values: dict[str, object] = {
        "first_day": number_of(period.first),
        "last_day": number_of(period.last),
        "position": position,
        "rows_before": rows_before,
        "rows_until": rows_before + query.limit if query.limit is not None else 2**62,
    }
    if previous is not None:
        values |= {
            "previous_first_day": number_of(previous.first),
            "previous_last_day": number_of(previous.last),
            "previous_end": previous.end.replace(tzinfo=None),
            "days_later": previous.days_later,
        }
        if previous.months:
            days = (previous.first + timedelta(days=number) for number in range(previous.days))
            values["counterparts"] = [number_of(previous.counterpart(day)) for day in days]
    if query.time_dimension is not None:
        values["first_bucket"] = bucket_number(period.first, query.time_dimension)
    return values


class _Builder:
    def __init__(self, query: Query, is_compared: bool, is_by_month: bool) -> None:
        self._query = query
        self._is_compared = is_compared
        self._is_by_month = is_by_month
        self._keys = [f"k{n}" for n in range(len(query.dimensions))]
        # By dimension, without those of time: the name of its key, and what is declared of it.
        self._named = {
            name: (key, DECLARED[name])
            for key, name in zip(self._keys, query.dimensions, strict=True)
            if name not in BUCKET_DAYS
        }
        self._access = () if query.time_dimension else tuple(m for m in query.metrics if METRICS[m].ignores_period)
        self._counted = tuple(m for m in query.metrics if m not in self._access)
        self._asks_for_terms = asks_for_terms(query)
        self._conditions: list[language.Filter] = []

    def tree(self) -> exp.Expr:
        stages: dict[str, exp.Query] = self._stages_of_terms() if self._asks_for_terms else {}
        stages |= {"scanned": self._scanned(), "grouped": self._grouped()}
        is_ordered_by_access = any(name in self._access for name, _ in self._query.order_by)
        if self._access and is_ordered_by_access:
            stages["access"] = self._access_of("grouped")
        stages["page"] = self._page(is_ordered_by_access)
        if self._access and not is_ordered_by_access:
            stages["access"] = self._access_of("page")
        tree = self._answer(is_ordered_by_access)
        for name, stage in stages.items():
            # Copying the tree with every stage would take most of the time.
            tree = tree.with_(name, as_=stage, copy=False)
        return self._with_conditions(tree)

    def _answer(self, is_ordered_by_access: bool) -> exp.Select:
        columns = [column_of(name, "page") for name in self.labels()]
        for metric in self.metric_columns():
            in_page = metric not in self._access or is_ordered_by_access
            columns.append(column_of(metric, "page" if in_page else "access"))
        answer = exp.select(*columns, column_of("total_rows", "page")).from_("page")
        if self._access and not is_ordered_by_access:
            answer = self._join_keys(answer, "page", "access")
        return answer.order_by(column_of("place", "page"))

    def labels(self) -> tuple[str, ...]:
        """Columns that name a row's group: one a dimension, or one for each of its parts."""
        names: list[str] = []
        for dimension in self._query.dimensions:
            parts = self._named[dimension][1].parts if dimension in self._named else {}
            names += [f"{dimension}.{part}" for part in parts] or [dimension]
        return tuple(names)

    def metric_columns(self) -> tuple[str, ...]:
        columns: list[str] = []
        for metric in self._query.metrics:
            columns.append(metric)
            if self._is_compared and not METRICS[metric].ignores_period:
                columns.append(f"{metric}.previous")
        return tuple(columns)

    def _stages_of_terms(self) -> dict[str, exp.Query]:
        events = exp.select().from_("event AS e")
        if not self._access:  # they look at all time
            events = self._in_periods(events)
        return stages_of_terms(self._filtered(events, filter_without_terms(self._query.filter)))

    def _scanned(self) -> exp.Select:
        """The events that count: their keys, what the metrics need, and which period they belong to."""
        aggregates = [parse_one(METRICS[metric].aggregate) for metric in self._counted]
        needed = sorted({column.name for aggregate in aggregates for column in aggregate.find_all(exp.Column)})
        scan = self._scan(*(f"e.{name}" for name in needed or ["position"]))
        if self._is_compared:
            scan = scan.select(exp.alias_(_is_current(), "is_current"), copy=False)
        for _, shown, source in self._shown():
            scan = scan.select(column_of(shown, source))
        return self._in_periods(scan)

    def _scan(self, *columns: str) -> exp.Select:
        """The events of all time that the filter lets pass, with their keys."""
        scan = exp.select(*columns).from_("event AS e")
        if self._asks_for_terms:
            scan = joined_to_terms(scan)
        return self._filtered(self._with_keys(scan), self._query.filter)

    def _in_periods(self, scan: exp.Select) -> exp.Select:
        in_period = _between("first_day", "last_day")
        if not self._is_compared:
            return scan.where(in_period, copy=False)
        in_previous = _between("previous_first_day", "previous_last_day")
        # An unfinished period is compared with as much of the one before.
        is_before = exp.LT(this=column_of("occurred_at", "e"), expression=_time_parameter("previous_end"))
        return scan.where(exp.or_(in_period, exp.and_(in_previous, is_before)), copy=False)

    def _with_keys(self, scan: exp.Select) -> exp.Select:
        for key, dimension in zip(self._keys, self._query.dimensions, strict=True):
            if dimension in BUCKET_DAYS:
                scan = scan.select(exp.alias_(self._bucket_index(dimension), key, copy=False), copy=False)
                continue
            declared = DECLARED[dimension]
            source = "e" if _has_id_as_key(declared) else _source(declared, key)
            if source not in ("e", "term_of"):
                scan = _join_names(scan, declared, source, f"e.{declared.table.id_column}")
            column = declared.table.id_column if _has_id_as_key(declared) else declared.text
            scan = scan.select(exp.alias_(column_of(column, source), key))
        return scan

    def _shown(self) -> list[tuple[str, str, str]]:
        """For each dimension that is not shown as its text: its key, the column that is shown, and where it is."""
        return [(key, one.shown_as, _source(one, key)) for key, one in self._named.values() if one.shown_as is not None]

    def _filtered(self, scan: exp.Select, filter_: language.Filter | None) -> exp.Select:
        scan = scan.where(exp.LTE(this=column_of("position", "e"), expression=_parameter("position")), copy=False)
        return scan.where(self._placeholder_of(filter_), copy=False) if filter_ is not None else scan

    def _placeholder_of(self, filter_: language.Filter) -> exp.Expr:
        """Stands for a filter's condition until the tree is whole: the builders copy what they are given, often."""
        self._conditions.append(filter_)
        return exp.Placeholder(this=f"{CONDITION} {len(self._conditions) - 1}")

    def _with_conditions(self, tree: exp.Expr) -> exp.Expr:
        for placeholder in list(tree.find_all(exp.Placeholder)):
            name, _, number = placeholder.name.partition(" ")
            if name == CONDITION:
                placeholder.replace(condition(self._conditions[int(number)]))
        return tree

    def _bucket_index(self, dimension: str) -> exp.Expr:
        """The number of an event's bucket in its period, from 0 on; in the previous period that of its counterpart."""
        index = _bucket_number(self._compared_day(), dimension)
        number = exp.Sub(this=exp.paren(index, copy=False), expression=_parameter("first_bucket"))
        return exp.cast(number, "INTEGER", copy=False)

    def _compared_day(self) -> exp.Expr:
        """The day of an event; in the previous period, the day that it is compared with."""
        day = column_of("day", "e")
        if not self._is_compared:
            return day
        later: exp.Expr = exp.Add(this=day.copy(), expression=_parameter("days_later"))
        if self._is_by_month:
            place = exp.Add(
                this=exp.Sub(this=day.copy(), expression=_parameter("previous_first_day")),
                expression=exp.Literal.number(1),
            )
            later = exp.func("list_extract", exp.cast(_parameter("counterparts"), "INTEGER[]"), place)
        return exp.Case(ifs=[exp.If(this=_is_current(), true=day)], default=later)

    def _grouped(self) -> exp.Select:
        select = exp.select(*self._keys).from_("scanned")
        for key, shown, _ in self._shown():
            # One of its texts, the same in all its rows. Small letters come last in the order of texts, so it is those
            # wherever somebody used them.
            in_group = exp.Max(this=exp.column(shown))
            in_all = exp.Window(this=exp.Max(this=in_group), partition_by=[exp.column(key)])
            select = select.select(exp.alias_(in_all, shown))
        for metric in self._counted:
            select = select.select(exp.alias_(self._aggregate(metric, True), metric, quoted=True))
            if self._is_compared and not METRICS[metric].ignores_period:
                select = select.select(exp.alias_(self._aggregate(metric, False), f"{metric}.previous", quoted=True))
        if not self._counted and not self._keys:
            select = select.select(exp.alias_(exp.Count(this=exp.Star()), "unasked"))
        if self._keys:
            select = select.group_by(*self._keys)
            if self._is_compared and self._query.time_dimension is None:
                # What was there in the previous period only is no row of this one.
                select = select.having(exp.GT(this=self._aggregate("events", True), expression=exp.Literal.number(0)))
        return select

    def _aggregate(self, metric: str, is_current: bool) -> exp.Expr:
        aggregate = parse_one(METRICS[metric].aggregate)
        if not self._is_compared:
            return aggregate
        flag: exp.Expr = exp.column("is_current")
        return exp.Filter(this=aggregate, expression=exp.Where(this=flag if is_current else exp.not_(flag)))

    def _access_of(self, groups: str) -> exp.Select:
        """First and last access of some groups under the same filters, in all time."""
        scan = self._scan("e.occurred_at")
        select = exp.select(*(f"seen.{key}" for key in self._keys))
        for metric in self._access:
            select = select.select(exp.alias_(parse_one(METRICS[metric].aggregate), metric))
        select = select.from_(scan.subquery("seen"))
        if self._keys:
            select = self._join_keys(select, "seen", groups).group_by(*(f"seen.{key}" for key in self._keys))
        return select

    def _join_keys(self, select: exp.Select, left: str, right: str) -> exp.Select:
        if not self._keys:
            return select.join(right, join_type="CROSS")
        same = [exp.NullSafeEQ(this=column_of(key, left), expression=column_of(key, right)) for key in self._keys]
        return select.join(right, on=exp.and_(*same))

    def _page(self, joins_access: bool) -> exp.Select:
        page = exp.select(*(f"grouped.{key}" for key in self._keys)).from_("grouped")
        page = self._labelled(page)
        for metric in self.metric_columns():
            if metric not in self._access:
                page = page.select(column_of(metric, "grouped"))
            elif joins_access:
                page = page.select(column_of(metric, "access"))
        if self._access and joins_access:
            page = self._join_keys(page, "grouped", "access")
        order = self._order(joins_access)
        number: exp.Expr = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=order) if order else None)
        page = page.select(
            exp.alias_(number, "place"), exp.alias_(exp.Window(this=exp.Count(this=exp.Star())), "total_rows")
        )
        outer = exp.select("*").from_(page.subquery("numbered"))
        outer = outer.where(exp.GT(this=exp.column("place"), expression=_parameter("rows_before")))
        if self._query.limit is not None:
            outer = outer.where(exp.LTE(this=exp.column("place"), expression=_parameter("rows_until")))
        return outer

    def _labelled(self, page: exp.Select) -> exp.Select:
        for dimension in self._query.dimensions:
            labels = {dimension: self._label_source(dimension)}
            if dimension in self._named:
                key, declared = self._named[dimension]
                if _has_id_as_key(declared):
                    page = _join_names(page, declared, _source(declared, key), f"grouped.{key}")
                if declared.parts:
                    labels = {
                        f"{dimension}.{part}": self._part_source(dimension, column)
                        for part, column in declared.parts.items()
                    }
            page = page.select(*(exp.alias_(label, name, quoted=True) for name, label in labels.items()))
        return page

    def _part_source(self, dimension: str, column: str) -> exp.Expr:
        key, declared = self._named[dimension]
        # The key is there also where the name is missing.
        is_id = column == declared.table.id_column
        return column_of(key, "grouped") if is_id else column_of(column, _source(declared, key))

    def _order(self, joins_access: bool) -> list[exp.Expr]:
        """The asked order, then every label: no two rows are equal, so pages neither repeat nor skip one."""
        order: list[exp.Expr] = []
        for name, direction in self._query.order_by:
            is_descending = direction == "desc"
            if self._sorted_by(name):
                for column in self._sorted_by(name):
                    order += _ordered_text(self._part_source(name, column), is_descending)
            elif name in self._query.dimensions:
                order += self._ordered_labels(name, is_descending)
            else:
                table = "access" if joins_access and name in self._access else "grouped"
                order.append(_ordered(column_of(name, table), is_descending))
        # Of two items with the same parts to sort by, the ids tell them apart.
        asked = {name for name, _ in self._query.order_by if not self._sorted_by(name)}
        for name in self._query.dimensions:
            if name not in asked:
                order += self._ordered_labels(name, False)
        return order

    def _sorted_by(self, name: str) -> tuple[str, ...]:
        return self._named[name][1].sorted_by if name in self._named else ()

    def _ordered_labels(self, dimension: str, is_descending: bool) -> list[exp.Expr]:
        label = self._label_source(dimension)
        if dimension in BUCKET_DAYS or DECLARED[dimension].parts:
            return [_ordered(label, is_descending)]  # by number
        return _ordered_text(label, is_descending)

    def _label_source(self, dimension: str) -> exp.Expr:
        key = self._keys[self._query.dimensions.index(dimension)]
        if dimension in self._named and DECLARED[dimension].has_one_id:
            return self._part_source(dimension, DECLARED[dimension].text)
        shown = DECLARED[dimension].shown_as if dimension in self._named else None
        return column_of(shown or key, "grouped")


def _has_id_as_key(declared: Dimension) -> bool:
    """Whether events are grouped by ids; otherwise by texts."""
    return declared.has_one_id or bool(declared.parts)


def _source(declared: Dimension, key: str) -> str:
    """The alias of the table that names a key."""
    return "term_of" if declared.is_of_search else f"{declared.table.name}_of_{key}"


def _join_names(select: exp.Select, declared: Dimension, alias: str, id_: str) -> exp.Select:
    on = f"{alias}.{declared.table.id_column} = {id_}"
    return select.join(f"{declared.table.name} AS {alias}", on=on, join_type="LEFT")


def bucket_number(day: date, dimension: str) -> int:
    """The number of a day's bucket since 1970: days, weeks that begin on Monday, or months."""
    days = number_of(day)
    if dimension == WEEK:
        return (days + 3) // 7  # 1970-01-01 was a Thursday
    return (day.year * 12 + day.month) if dimension == MONTH else days


def _bucket_number(day: exp.Expr, dimension: str) -> exp.Expr:
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


def _between(first: str, last: str) -> exp.Expr:
    column = column_of("day", "e")
    return exp.and_(
        exp.GTE(this=column, expression=_parameter(first)), exp.LTE(this=column.copy(), expression=_parameter(last))
    )


def _is_current() -> exp.Expr:
    return exp.paren(exp.GTE(this=column_of("day", "e"), expression=_parameter("first_day")))


def _parameter(name: str) -> exp.Expr:
    return exp.Parameter(this=exp.Var(this=name))


def _time_parameter(name: str) -> exp.Expr:
    return exp.cast(_parameter(name), "TIMESTAMP")


def _ordered(this: exp.Expr, descending: bool) -> exp.Expr:
    return exp.Ordered(this=this, desc=descending, nulls_first=False)


def _ordered_text(text: exp.Expr, descending: bool) -> list[exp.Expr]:
    return [_ordered(exp.func(SORT_KEY, text.copy()), descending), _ordered(text, descending)]
