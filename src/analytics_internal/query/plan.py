"""From a question to the tree of its SQL. Pure; the tree is rendered for an engine by its caller.

The tree has stages: those of each measure (measures/), ``grouped`` (one row a group with its metrics), ``page`` (in
order, cut to the asked page) and ``access`` (first and last access of the page's groups, whatever the period).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlglot import exp, parse_one

from analytics_internal.cache import Cache, size_of
from analytics_internal.days import number_of
from analytics_internal.dimensions import HOUR
from analytics_internal.query.columns import Column
from analytics_internal.query.columns import columns_of as columns_of_answer
from analytics_internal.query.conditions import column_of, without_people
from analytics_internal.query.day_tables import COUNTED_UNTIL, UNFINISHED_DAY, over_days, tables_of
from analytics_internal.query.hours import parameters_of
from analytics_internal.query.journeys import Journey, JourneyTree, tree_of
from analytics_internal.query.labels import Labels, ordered, ordered_text, page_of, ratio
from analytics_internal.query.language import Query
from analytics_internal.query.measures import MEASURE_OF_TABLE, MEASURES
from analytics_internal.query.measures.tables import IS_THERE
from analytics_internal.query.metrics import DECLARED as METRICS
from analytics_internal.query.metrics import columns_of, shown_columns_of
from analytics_internal.query.period import Period, Previous
from analytics_internal.query.scan import Scan, bucket_number
from analytics_internal.query.unused import IS_USED, known_to_catalog, with_unused
from analytics_internal.reader import DAY_KEYS

# Longer filters are planned each time: a remembered plan keeps its filter in memory.
MAX_REMEMBERED_FILTER = 4_096
MAX_REMEMBERED_BYTES = 65_536


class Plan(msgspec.Struct, frozen=True):
    """A question made ready: ``sql`` has these columns, and after them what is said of all rows; last, their total."""

    sql: str
    columns: tuple[Column, ...]
    parameters: frozenset[str]
    """Those of ``parameters`` that the SQL names; DuckDB refuses others."""


async def plan_beside(
    executor: Executor, place: AbstractAsyncContextManager[None], query: Query, is_compared: bool, is_by_month: bool
) -> Plan:
    """As ``plan``, but remembered and beside the event loop: large filters take some tenths of a second.

    ``place`` is waited for before it begins, and held until it is over: whoever leaves meanwhile leaves nothing to do.
    """
    key = (
        msgspec.structs.replace(query, cursor=None, date_range=None, position=None, segments=()),
        is_compared,
        is_by_month,
    )
    if (known := _remembered.get(key)) is not None:
        return known
    async with place:
        if (known := _remembered.get(key)) is not None:
            return known  # somebody else has asked the same
        planned = await _to_its_end(asyncio.get_running_loop().run_in_executor(executor, plan, *key))
        if len(repr(key[0])) <= MAX_REMEMBERED_FILTER:
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
    builder: _Builder | JourneyTree = (
        tree_of(query, is_compared, is_by_month)
        if isinstance(query, Journey)
        else _Builder(query, is_compared, is_by_month)
    )
    tree = without_people(builder.tree()) if query.hides_people else builder.tree()
    # Those that are written in SQL files are placeholders to the parser.
    named = frozenset(one.name for one in tree.find_all(exp.Parameter, exp.Placeholder))
    return Plan(tree.sql(dialect="duckdb", copy=False), builder.columns(), named)


def _size_of(key: tuple[Query, bool, bool], planned: Plan) -> int:
    # A filter is a tree of small objects: some ten times its text.
    return 1_024 + 10 * len(repr(key[0])) + size_of(planned.sql, planned.columns, planned.parameters)


_remembered: Cache[tuple[Query, bool, bool], Plan] = Cache("plans", _size_of, MAX_REMEMBERED_BYTES)


def parameters(
    query: Query,
    period: Period,
    previous: Previous | None,
    asked_on: date,
    zone: ZoneInfo,
    position: int,
    rows_before: int,
) -> dict[str, object]:
    """The values of a plan's parameters: days since 1970, instants in UTC, a position, and rows."""
    values: dict[str, object] = {
        "first_day": number_of(period.first),
        "last_day": number_of(period.last),
        "last_day_come": number_of(min(period.last, asked_on)),
        "position": position,
        COUNTED_UNTIL: 0,  # the reader knows when it is asked
        "rows_before": rows_before,
        "rows_until": rows_before + query.limit if query.limit is not None else 2**62,
    }
    if previous is not None:
        values |= {
            "previous_first_day": number_of(previous.first),
            "previous_last_day": number_of(previous.last),
            "previous_last_day_come": number_of(min(previous.last, previous.before(asked_on))),
            "previous_end": previous.end.replace(tzinfo=None),
            "days_later": previous.days_later,
            UNFINISHED_DAY: number_of(previous.unfinished) if previous.unfinished is not None else None,
        }
        if previous.months:
            days = (previous.first + timedelta(days=number) for number in range(previous.days))
            values["counterparts"] = [number_of(previous.counterpart(day)) for day in days]
    if query.time_dimension == HOUR:
        values |= parameters_of(period, previous, zone)
    elif query.time_dimension is not None:
        values["first_bucket"] = bucket_number(period.first, query.time_dimension)
    return values


class _Builder:
    def __init__(self, query: Query, is_compared: bool, is_by_month: bool) -> None:
        self._query = query
        self._is_compared = is_compared
        ever = () if query.time_dimension else tuple(m for m in query.metrics if METRICS[m].ignores_period)
        self._with_unused = query.unused != "leave_out"
        # What was not used in the period may have been before it: then all groups there ever were are looked at.
        self._ever = ever if self._with_unused else ()
        self._access = () if self._with_unused else ever
        self._counted = tuple(m for m in query.metrics if m not in self._access)
        self._scan = Scan(query, is_compared, is_by_month, is_of_all_time=bool(ever))
        self._keys = self._scan.keys
        self._labels = Labels(self._scan)

    def tree(self) -> exp.Expr:
        measures = self._measures()
        stages: dict[str, exp.Query] = {}
        for name, metrics in measures.items():
            stages |= MEASURES[name](self._scan, metrics)
        if self._ever:
            stages["ever"] = self._access_ever()
        if self._with_unused:
            return self._with_stages(stages | self._stages_with_unused(measures))
        stages["grouped"] = self._grouped(measures)
        is_ordered_by_access = any(name in self._access for name, _ in self._query.order_by)
        if self._access and is_ordered_by_access:
            stages["access"] = self._access_of("grouped")
        stages["page"] = self._page(is_ordered_by_access)
        if self._access and not is_ordered_by_access:
            stages["access"] = self._access_of("page")
        return self._with_stages(stages, is_ordered_by_access)

    def _with_stages(self, stages: Mapping[str, exp.Query], is_ordered_by_access: bool = False) -> exp.Expr:
        tree = self._answer(is_ordered_by_access)
        for name, stage in stages.items():
            # Copying the tree with every stage would take most of the time.
            tree = tree.with_(name, as_=stage, copy=False)
        return self._scan.with_conditions(tree)

    def columns(self) -> tuple[Column, ...]:
        return columns_of_answer(self._query, self._is_compared)

    def _measures(self) -> dict[str, list[str]]:
        """The metrics of each measure that the question needs; the events' own where there is none."""
        measures: dict[str, list[str]] = {}
        for metric in self._counted:
            if metric not in self._ever:
                measures.setdefault(METRICS[metric].measure, []).append(metric)
        if self._with_unused:
            return {"accesses": []} | measures
        of_accesses = measures.pop("accesses", None if measures else [])
        if of_accesses is not None:
            tables = tables_of(self._scan.columns | {"day"}, of_accesses)
            measures |= {MEASURE_OF_TABLE[table]: metrics for table, metrics in tables.items()}
        return measures

    def _stages_with_unused(self, measures: Mapping[str, Sequence[str]]) -> dict[str, exp.Query]:
        """As the stages from ``grouped`` to ``page``, with rows of what only the catalog knows."""
        (dimension,) = self._query.dimensions
        rows: exp.Query = exp.select("*").from_("accesses")
        is_unused = exp.Star(replace=[exp.alias_(exp.false(), IS_THERE)])
        for name in [*(name for name in measures if name != "accesses"), *(["ever"] if self._ever else [])]:
            # Only events say that something was used.
            more = exp.select(is_unused.copy()).from_(name)
            rows = exp.Union(this=rows, expression=more, distinct=False, by_name=True)
        grouped = exp.select(*self._keys).from_(rows.subquery("of_measures")).group_by(*self._keys)
        grouped = grouped.select(exp.alias_(exp.func("bool_or", exp.column(IS_THERE)), IS_USED))
        for metric in self._counted:
            for column, figure in self._figures(metric, is_joined=True):
                grouped = grouped.select(exp.alias_(figure, column, quoted=True))
        columns = [column_of(column, "grouped") for column in self.metric_columns()]
        used = exp.select(*columns, exp.column(IS_USED, "grouped")).from_("grouped")
        order: list[exp.Expr] = []
        for name, direction in (*self._query.order_by, (dimension, "asc")):
            shown = column_of(name, "with_unused")
            is_descending = direction == "desc"
            order += ordered_text(shown, is_descending) if name == dimension else [ordered(shown, is_descending)]
        return {
            "grouped": grouped,
            "used": self._labels.labelled(used),
            "known": known_to_catalog(dimension, self._query.filter),
            "with_unused": with_unused("used", "known", dimension, self._query, self._is_compared),
            "page": page_of(exp.select("*").from_("with_unused"), order, self._query),
        }

    def _access_ever(self) -> exp.Select:
        """First and last access of every group there ever was."""
        select = exp.select(*self._keys, exp.alias_(exp.false(), IS_THERE))
        for metric in self._ever:
            select = select.select(exp.alias_(parse_one(METRICS[metric].aggregate), metric))
        return select.from_(self._scan.of_all_time("e.occurred_at").subquery("seen")).group_by(*self._keys)

    def _answer(self, is_ordered_by_access: bool) -> exp.Select:
        columns = [column_of(name, "page") for name in self._labels.names()]
        for metric in self.metric_columns():
            in_page = metric not in self._access or is_ordered_by_access
            columns.append(column_of(metric, "page" if in_page else "access"))
        answer = exp.select(*columns, column_of("total_rows", "page")).from_("page")
        if self._access and not is_ordered_by_access:
            answer = self._join_keys(answer, "page", "access", kind="LEFT")
        return answer.order_by(column_of("place", "page"))

    def metric_columns(self) -> tuple[str, ...]:
        """The columns of figures: `events`, `events.previous`, `adoption_rate`, `adoption_rate.numerator`, …"""
        return tuple(column for metric in self._query.metrics for column in shown_columns_of(metric, self._is_compared))

    def _grouped(self, measures: Mapping[str, Sequence[str]]) -> exp.Select:
        """One row a group, with all its metrics."""
        rows = _together(list(measures)).subquery("of_measures")
        is_grouped = len(measures) > 1 and bool(self._keys)
        is_joined = len(measures) > 1
        select = exp.select(*self._keys).from_(rows)
        for key, shown, _ in self._scan.shown:
            # One of its texts, the same in all its rows. Small letters come last in the order of texts, so it is those
            # wherever somebody used them.
            in_group: exp.Expr = exp.Max(this=exp.column(shown)) if is_joined else exp.column(shown)
            in_all = exp.Window(this=exp.Max(this=in_group), partition_by=[exp.column(key)])
            select = select.select(exp.alias_(in_all, shown))
        for metric in self._counted:
            for column, figure in self._figures(metric, is_joined):
                select = select.select(exp.alias_(figure, column, quoted=True))
        if not self._counted and not self._keys:
            select = select.select(exp.column(IS_THERE))
        if is_grouped:
            select = select.group_by(*self._keys)
        if self._keys and self._query.time_dimension is None:
            # What was there in the previous period only is no row of this one.
            if is_joined:
                select = select.having(exp.func("bool_or", exp.column(IS_THERE)))
            elif self._is_compared:
                select = select.where(exp.column(IS_THERE))
        return select

    def _figures(self, metric: str, is_joined: bool) -> Iterator[tuple[str, exp.Expr]]:
        """The columns of a metric. Of several measures a group's figures stand in several rows."""
        is_count = METRICS[metric].form != "moment"

        def figure_of(column: str) -> exp.Expr:
            figure: exp.Expr = exp.column(exp.to_identifier(column, quoted=True))
            if not is_joined:
                return figure
            only = exp.Max(this=figure)
            return exp.Coalesce(this=only, expressions=[exp.Literal.number(0)]) if is_count else only

        figures = {column: figure_of(column) for column, _, _ in columns_of(metric, self._is_compared)}
        for column in shown_columns_of(metric, self._is_compared):
            if column in figures:
                yield column, figures[column]
            else:
                part = f"{metric}.previous_" if column.endswith(".previous") else f"{metric}."
                yield column, ratio(figures[f"{part}numerator"], figures[f"{part}denominator"])

    def _access_of(self, groups: str) -> exp.Select:
        """First and last access of some groups under the same filters, in all time."""
        [(table, _), *others] = tables_of(self._scan.columns, self._access).items()
        assert not others, "both need the same"
        is_of_days = table in DAY_KEYS
        columns = ("e.first_at", "e.last_at") if is_of_days else ("e.occurred_at",)
        scan = self._scan.of_all_time(*columns, table=table)
        select = exp.select(*(f"seen.{key}" for key in self._keys))
        for metric in self._access:
            aggregate = parse_one(METRICS[metric].aggregate)
            select = select.select(exp.alias_(over_days(aggregate) if is_of_days else aggregate, metric))
        select = select.from_(scan.subquery("seen"))
        if self._keys:
            select = self._join_keys(select, "seen", groups).group_by(*(f"seen.{key}" for key in self._keys))
        return select

    def _join_keys(self, select: exp.Select, left: str, right: str, kind: str = "INNER") -> exp.Select:
        # `LEFT`: what measurements and the catalog know need not have had an access.
        if not self._keys:
            return select.join(right, join_type="CROSS")
        same = [exp.NullSafeEQ(this=column_of(key, left), expression=column_of(key, right)) for key in self._keys]
        return select.join(right, on=exp.and_(*same), join_type=kind)

    def _page(self, joins_access: bool) -> exp.Select:
        page = exp.select(*(f"grouped.{key}" for key in self._keys)).from_("grouped")
        page = self._labels.labelled(page)
        for metric in self.metric_columns():
            if metric not in self._access:
                page = page.select(column_of(metric, "grouped"))
            elif joins_access:
                page = page.select(column_of(metric, "access"))
        if self._access and joins_access:
            page = self._join_keys(page, "grouped", "access", kind="LEFT")
        return page_of(page, self._order(joins_access), self._query)

    def _order(self, joins_access: bool) -> list[exp.Expr]:
        """The asked order, then every label: no two rows are equal, so pages neither repeat nor skip one."""
        order: list[exp.Expr] = []
        for name, direction in self._query.order_by:
            is_descending = direction == "desc"
            if name in self._query.dimensions:
                order += self._labels.order_by(name, is_descending)
            else:
                table = "access" if joins_access and name in self._access else "grouped"
                order.append(ordered(column_of(name, table), is_descending))
        # Of two items with the same parts to sort by, the ids tell them apart.
        asked = {name for name, _ in self._query.order_by if not self._labels.sorted_by(name)}
        for name in self._query.dimensions:
            if name not in asked:
                order += self._labels.order_of(name)
        return order


def _together(measures: Sequence[str]) -> exp.Query:
    rows: exp.Query = exp.select("*").from_(measures[0])
    for measure in measures[1:]:
        rows = exp.Union(this=rows, expression=exp.select("*").from_(measure), distinct=False, by_name=True)
    return rows
