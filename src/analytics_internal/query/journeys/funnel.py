"""Funnels: from a question to the tree of its SQL. Pure.

A chain begins at each event of the period that passes the first step. From step to step it goes on to the earliest
later event of its person that passes the next step, as long as that is within the time that the question allows after
the chain's beginning. There is a stage for the chains that have come to each step, so a step costs one join of what has
come so far. The dimensions are those of the chain's first event.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from analytics_internal.query.columns import Column, labels_of
from analytics_internal.query.conditions import column_of
from analytics_internal.query.journeys.figures import FUNNEL, columns_of
from analytics_internal.query.journeys.language import Funnel
from analytics_internal.query.journeys.scans import (
    are_same,
    at,
    complete,
    is_known,
    or_none,
    place,
    scan_of,
    together,
    whole,
    with_stages,
)
from analytics_internal.query.labels import Labels, ordered, page_of, ratio
from analytics_internal.query.scan import IS_CURRENT, time_parameter

MICROSECONDS = 1_000_000
PREVIOUS = ".previous"
"""Ends the names of columns about the period that this one is compared with."""


class FunnelTree:
    """The SQL of one funnel, for every period and position."""

    def __init__(self, query: Funnel, is_compared: bool, is_by_month: bool) -> None:
        self._query = query
        self._is_compared = is_compared
        self._steps = range(1, len(query.steps) + 1)
        self._scan = scan_of(query, query.steps[0], query.dimensions, is_compared, is_by_month, is_of_all_time=False)
        self._keys = self._scan.keys
        self._periods = ("", PREVIOUS) if is_compared else ("",)
        self._group = [*self._keys, *([IS_CURRENT] if is_compared else [])]
        self._labels = Labels(self._scan)

    def columns(self) -> tuple[Column, ...]:
        return (*labels_of(self._query.dimensions), *columns_of(FUNNEL, self._is_compared))

    def totals(self) -> tuple[str, ...]:
        """Columns after those, with the same value in each row: how many people began."""
        return tuple(f"people{previous}" for previous in self._periods)

    def tree(self) -> exp.Expr:
        stages: dict[str, exp.Query] = {"chain_1": self._began()}
        for step in self._steps[1:]:
            stages[f"step_{step}"] = self._passing(step)
            stages[f"chain_{step}"] = self._gone_on(step)
        stages["step"] = together(exp.select(exp.alias_(whole(step), "step")) for step in self._steps)
        stages["reached"] = together(map(self._reached, self._steps))
        stages["furthest"] = self._furthest()
        stages["counted"] = together(
            [self._people(), *map(self._events, self._steps), *map(self._took, self._steps[1:])]
        )
        stages["summed"] = self._summed()
        stages["grouped"] = self._grouped()
        stages["page"] = self._page()
        columns = [column_of(column.name, "page") for column in self.columns()]
        totals = [column_of(f"total.{name}", "page") for name in self.totals()]
        answer = exp.select(*columns, *totals, "page.total_rows").from_("page").order_by("page.place")
        return with_stages(answer, stages)

    def _began(self) -> exp.Select:
        """The chains with their first events."""
        scan = self._scan.of_periods("e.person_id", "e.position", at(), place())
        scan = complete(self._scan, scan.where(is_known(column_of("person_id", "e")), copy=False))
        return exp.select("*", "at AS start_at", "place AS start").from_(scan.subquery("began"))

    def _passing(self, step: int) -> exp.Select:
        """The events that pass a later step, when they can still be in a chain."""
        scan = scan_of(self._query, self._query.steps[step - 1])
        select = scan.of_all_time("e.person_id", "e.position", at(), place())
        in_time = _is_between("steps_start", "steps_end")
        if self._is_compared:
            in_time = exp.or_(in_time, _is_between("previous_steps_start", "previous_steps_end"))
        return complete(scan, select.where(is_known(column_of("person_id", "e")), in_time, copy=False))

    def _gone_on(self, step: int) -> exp.Select:
        """The chains that have come to a later step."""
        carried = [column_of(name, "c") for name in (*self._group, "person_id", "start_at", "start")]
        reached = [column_of(name, "s") for name in ("position", "at", "place")]
        took = exp.Sub(this=column_of("at", "s"), expression=column_of("at", "c"))
        same = exp.EQ(this=column_of("person_id", "c"), expression=column_of("person_id", "s"))
        later = exp.LT(this=column_of("place", "c"), expression=column_of("place", "s"))
        following = exp.Join(this=exp.to_table(f"step_{step}", alias="s"), on=exp.and_(same, later), method="ASOF")
        select = exp.select(*carried, *reached, exp.alias_(took, "took")).from_(f"chain_{step - 1} AS c")
        since_start = exp.Sub(this=column_of("at", "s"), expression=column_of("start_at", "c"))
        within = whole(round(self._query.within.total_seconds()) * MICROSECONDS)
        select = select.join(following).where(exp.LTE(this=since_start, expression=within))
        if self._is_compared:
            # Chains of an unfinished period have had so much time only.
            ended = exp.func("epoch_us", time_parameter("previous_steps_end"))
            in_time = exp.LT(this=column_of("at", "s"), expression=ended)
            select = select.where(exp.or_(column_of(IS_CURRENT, "c"), in_time))
        return select

    def _reached(self, step: int) -> exp.Select:
        """Who came to a step, with the first chain that did."""
        first = exp.alias_(exp.Min(this=exp.column("start")), "start")
        group = [*self._group, "person_id"]
        return exp.select(*group, exp.alias_(whole(step), "step"), first).from_(f"chain_{step}").group_by(*group)

    def _furthest(self) -> exp.Select:
        """Of each person the first chain that came furthest."""
        first = exp.alias_(exp.ArgMax(this=exp.column("start"), expression=exp.column("step")), "start")
        group = [*self._group, "person_id"]
        return exp.select(*group, first).from_("reached").group_by(*group)

    def _people(self) -> exp.Select:
        count = exp.alias_(exp.Count(this=exp.Star()), "people")
        # A funnel of one step has no times.
        no_time = exp.alias_(exp.cast(exp.Null(), "DOUBLE"), "seconds")
        group = [*self._group, "step"]
        return exp.select(*group, count, no_time).from_("reached").group_by(*group)

    def _events(self, step: int) -> exp.Select:
        count = exp.Count(this=exp.Distinct(expressions=[exp.column("position")]))
        select = exp.select(*self._group, exp.alias_(whole(step), "step"), exp.alias_(count, "events"))
        return _grouped_by(select.from_(f"chain_{step}"), self._group)

    def _took(self, step: int) -> exp.Select:
        """The median of the times from the step before, each person's once."""
        group = [f"c.{name}" for name in self._group]
        median = exp.Median(this=column_of("took", "c"))
        seconds = exp.Div(this=exp.cast(median, "DOUBLE"), expression=whole(MICROSECONDS))
        select = exp.select(*group, exp.alias_(whole(step), "step"), exp.alias_(seconds, "seconds"))
        select = select.from_(f"chain_{step} AS c").join(
            "furthest AS f", on=are_same([*self._keys, "person_id", "start"], "c", "f")
        )
        return _grouped_by(select, group)

    def _summed(self) -> exp.Select:
        """A row a group and step, with its counts."""
        shown = [column for _, column, _ in self._scan.shown]
        select = exp.select(*(f"g.{name}" for name in (*self._keys, *shown)), "n.step")
        on: exp.Expr = exp.EQ(this=column_of("step", "c"), expression=column_of("step", "n"))
        if self._keys:
            select = select.from_(self._groups().subquery("g")).join("step AS n", join_type="CROSS")
            on = exp.and_(on, are_same(self._keys, "c", "g"))
        else:
            select = select.from_("step AS n")
        select = select.join("counted AS c", on=on, join_type="LEFT")
        for name in ("people", "events", "seconds"):
            for suffix, figure in self._of_periods(exp.Max(this=column_of(name, "c"))):
                known = figure if name == "seconds" else or_none(figure)
                select = select.select(exp.alias_(known, f"{name}{suffix}", quoted=True))
        return select.group_by(*(f"g.{name}" for name in (*self._keys, *shown)), "n.step")

    def _of_periods(self, figure: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
        """A figure of the period itself, and of the one that it is compared with."""
        if not self._is_compared:
            yield "", figure
            return
        flag = column_of(IS_CURRENT, "c")
        yield "", exp.Filter(this=figure, expression=exp.Where(this=flag))
        yield PREVIOUS, exp.Filter(this=figure.copy(), expression=exp.Where(this=exp.not_(flag.copy())))

    def _groups(self) -> exp.Select:
        """The groups that have rows: as in a breakdown, those of the period itself where time is no dimension."""
        select = exp.select(*self._keys).from_("chain_1")
        for key, shown, _ in self._scan.shown:
            in_all = exp.Window(this=exp.Max(this=exp.Max(this=exp.column(shown))), partition_by=[exp.column(key)])
            select = select.select(exp.alias_(in_all, shown))
        select = select.group_by(*self._keys)
        if self._is_compared and self._query.time_dimension is None:
            select = select.having(exp.func("bool_or", exp.column(IS_CURRENT)))
        return select

    def _grouped(self) -> exp.Select:
        """The same, each row with the people of its group's first step and of the step before."""
        select = exp.select("*").from_("summed")
        for previous in self._periods:
            people = column_of(f"people{previous}", "summed")
            first = exp.FirstValue(this=people)
            for name, of_step in (("first", first), ("before", exp.Lag(this=people.copy()))):
                column = exp.Window(
                    this=of_step,
                    partition_by=[column_of(key, "summed") for key in self._keys],
                    order=exp.Order(expressions=[ordered(column_of("step", "summed"), False)]),
                )
                select = select.select(exp.alias_(or_none(column), f"{name}{previous}", quoted=True))
        return select

    def _page(self) -> exp.Select:
        page = self._labels.labelled(exp.select().from_("grouped").select("grouped.step"))
        for previous in self._periods:
            page = page.select(
                *(exp.alias_(figure, name, quoted=True) for name, figure in self._figures(previous).items())
            )
        time = self._query.time_dimension
        order = self._labels.order_of(time) if time is not None else []
        order += [ordered(column_of("first", "grouped"), True)]
        for dimension in self._query.dimensions:
            order += self._labels.order_of(dimension)
        return page_of(page, [*order, ordered(column_of("step", "grouped"), False)], self._query)

    def _figures(self, previous: str) -> dict[str, exp.Expr]:
        people, events, seconds, first, before = (
            column_of(f"{name}{previous}", "grouped") for name in ("people", "events", "seconds", "first", "before")
        )
        figures: dict[str, exp.Expr] = {f"people{previous}": people, f"events{previous}": events}
        for name, denominator in (("share_of_step_before", before), ("share_of_first_step", first)):
            part = f"{name}.previous_" if previous else f"{name}."
            figures |= {
                f"{name}{previous}": ratio(people, denominator),
                f"{part}numerator": people.copy(),
                f"{part}denominator": denominator.copy(),
            }
        return figures | {f"median_seconds{previous}": seconds, f"total.people{previous}": self._total(previous)}

    def _total(self, previous: str) -> exp.Expr:
        """How many people began; in several groups they count once."""
        people = exp.Count(this=exp.Distinct(expressions=[exp.column("person_id")]))
        total = exp.select(people).from_("reached").where("step = 1")
        if self._is_compared:
            flag = exp.column(IS_CURRENT)
            total = total.where(exp.not_(flag) if previous else flag)
        return total.subquery()


def _is_between(start: str, end: str) -> exp.Expr:
    column = column_of("occurred_at", "e")
    return exp.and_(
        exp.GTE(this=column, expression=time_parameter(start)),
        exp.LT(this=column.copy(), expression=time_parameter(end)),
    )


def _grouped_by(select: exp.Select, group: list[str]) -> exp.Select:
    return select.group_by(*group) if group else select
