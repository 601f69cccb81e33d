"""Paths: from a question to the tree of its SQL. Pure.

In each session the events that pass the filters are in order; an item that is repeated at once has one place. From the
place of each event that passes ``around`` it is so many places back and forth.
"""

from __future__ import annotations

from sqlglot import exp

from analytics_internal.query.columns import Column, labels_of
from analytics_internal.query.conditions import column_of, literal
from analytics_internal.query.journeys.figures import PATHS, columns_of
from analytics_internal.query.journeys.language import Paths
from analytics_internal.query.journeys.scans import complete, is_known, scan_of, together, whole, with_stages
from analytics_internal.query.labels import Labels, ordered, page_of, ratio

ITEM = "item"


class PathsTree:
    """The SQL of the paths around some events, for every period and position."""

    def __init__(self, query: Paths) -> None:
        self._query = query
        self._scan = scan_of(query, None, (ITEM,))
        self._key = self._scan.keys[0]

    def columns(self) -> tuple[Column, ...]:
        step, *others = columns_of(PATHS, is_compared=False)
        return (step, *labels_of((ITEM,)), *others)

    def totals(self) -> tuple[str, ...]:
        """Columns after those, with the same value in each row: how many had an event that was asked for."""
        return ("people", "sessions")

    def tree(self) -> exp.Expr:
        steps = [step for step in range(-self._query.before, self._query.after + 1) if step]
        stages = {
            "around": self._around(),
            "visited": self._visited(),
            "placed": self._placed(),
            "centre": exp.select("session", "person_id", "place").distinct().from_("placed").where("is_around"),
            "step": together(exp.select(exp.alias_(whole(step), "step")) for step in steps),
            "seen": self._seen(),
            "grouped": self._grouped(),
            "page": self._page(),
        }
        columns = [column_of(column.name, "page") for column in self.columns()]
        totals = [column_of(f"total.{name}", "page") for name in self.totals()]
        answer = exp.select(*columns, *totals, "page.total_rows").from_("page").order_by("page.place")
        return with_stages(answer, stages)

    def _around(self) -> exp.Select:
        """The events of the period that are asked for."""
        scan = scan_of(self._query, self._query.around, is_of_all_time=False)
        select = scan.of_periods("e.position", "e.session").where(is_known(column_of("session", "e")), copy=False)
        return complete(scan, select)

    def _visited(self) -> exp.Select:
        """All events of their sessions, whether they are of the period or not."""
        sessions = exp.select("session").from_("around").subquery()
        select = self._scan.of_all_time("e.session", "e.person_id", "e.occurred_at", "e.position")
        select = select.where(exp.In(this=column_of("session", "e"), query=sessions), copy=False)
        return complete(self._scan, select)

    def _placed(self) -> exp.Select:
        """The events with the numbers of their places."""
        by_time = [exp.column("occurred_at"), exp.column("position")]

        def in_session(this: exp.Expr, **more: object) -> exp.Window:
            order = exp.Order(expressions=[ordered(column.copy(), False) for column in by_time])
            return exp.Window(this=this, partition_by=[exp.column("session")], order=order, **more)

        key = exp.column(self._key)
        begins = exp.NullSafeNEQ(this=key, expression=in_session(exp.Lag(this=key.copy())))
        is_around = exp.In(this=exp.column("position"), query=exp.select("position").from_("around").subquery())
        events = exp.select("*", exp.alias_(begins, "begins"), exp.alias_(is_around, "is_around")).from_("visited")
        count = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=exp.column("begins")))
        so_far = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
        columns = ["session", self._key, "person_id", "begins", "is_around"]
        placed = exp.alias_(in_session(count, spec=so_far), "place")
        return exp.select(*columns, placed).from_(events.subquery("sequence"))

    def _seen(self) -> exp.Select:
        """What was so many places before or after each place that is asked for."""
        places = exp.select("session", "place", self._key).from_("placed").where("begins").subquery("p")
        select = exp.select("n.step", f"p.{self._key}", "c.person_id", "c.session").from_("centre AS c")
        select = select.join("step AS n", join_type="CROSS")
        on = "p.session = c.session AND p.place = c.place + n.step"
        return select.join(places, on=on, join_type="LEFT")

    def _grouped(self) -> exp.Select:
        people, sessions = (
            exp.alias_(exp.Count(this=exp.Distinct(expressions=[exp.column(column)])), name)
            for column, name in (("person_id", "people"), ("session", "sessions"))
        )
        return exp.select("step", self._key, people, sessions).from_("seen").group_by("step", self._key)

    def _page(self) -> exp.Select:
        step, people, sessions = (column_of(name, "grouped") for name in ("step", "people", "sessions"))
        is_item = is_known(column_of(self._key, "grouped"))
        is_before = exp.LT(this=step.copy(), expression=whole(0))
        edge = exp.Case(
            ifs=[exp.If(this=is_item, true=exp.Null()), exp.If(this=is_before, true=literal("start"))],
            default=literal("end"),
        )
        all_sessions = self._total("session")
        figures = {
            "step": step,
            "edge": edge,
            "people": people,
            "sessions": sessions,
            "share": ratio(sessions, all_sessions),
            "share.numerator": sessions,
            "share.denominator": all_sessions,
            "total.people": self._total("person_id"),
            "total.sessions": all_sessions,
        }
        labels = Labels(self._scan)
        page = labels.labelled(exp.select().from_("grouped"))
        page = page.select(*(exp.alias_(figure.copy(), name, quoted=True) for name, figure in figures.items()))
        order = [ordered(step.copy(), False), ordered(sessions.copy(), True), *labels.order_of(ITEM)]
        return page_of(page, order, self._query)

    def _total(self, column: str) -> exp.Expr:
        count = exp.Count(this=exp.Distinct(expressions=[exp.column(column)]))
        return exp.select(count).from_("centre").subquery()
