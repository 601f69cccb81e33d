"""Retention: from a question to the tree of its SQL. Pure.

A person is of the cohort of the week or month of the first event of all time that passes the filters and ``first``, if
that lies in the period. From the first cohort's bucket on each bucket counts in which somebody came back.
"""

from __future__ import annotations

from sqlglot import exp

from analytics_internal.days import EPOCH
from analytics_internal.dimensions import WEEK
from analytics_internal.query.columns import Column
from analytics_internal.query.conditions import column_of, literal
from analytics_internal.query.journeys.figures import RETENTION, columns_of
from analytics_internal.query.journeys.language import Retention
from analytics_internal.query.journeys.scans import complete, is_known, or_none, scan_of, whole, with_stages
from analytics_internal.query.labels import ordered, page_of, ratio
from analytics_internal.query.language import Filter
from analytics_internal.query.scan import bucket_number_of, parameter


class RetentionTree:
    """The SQL of one retention, for every period and position."""

    def __init__(self, query: Retention) -> None:
        self._query = query
        self._dimension = query.time_dimension

    def columns(self) -> tuple[Column, ...]:
        return columns_of(RETENTION, is_compared=False)

    def totals(self) -> tuple[str, ...]:
        """Columns after those, with the same value in each row: how many people are in the cohorts."""
        return ("people",)

    def tree(self) -> exp.Expr:
        stages = {
            **self._active(),
            "member": self._members(),
            "cohort": exp.select("cohort", "count(*) AS size").from_("member").group_by("cohort"),
            "returned": self._returned(),
            "grouped": self._grouped(),
            "page": self._page(),
        }
        columns = [column_of(column.name, "page") for column in self.columns()]
        answer = exp.select(*columns, column_of("total.people", "page"), "page.total_rows")
        return with_stages(answer.from_("page").order_by("page.place"), stages)

    def _active(self) -> dict[str, exp.Query]:
        """In which buckets each person was active, with the first day; of the first time and of returns."""
        if self._query.first == self._query.returning:
            # One look at the events answers both.
            return {"active": self._buckets_of(self._query.returning), "first_seen": exp.select("*").from_("active")}
        first = self._days_of(self._query.first, exp.alias_(exp.Min(this=column_of("day", "e")), "day"))
        return {
            "active": self._buckets_of(self._query.returning, column_of("day", "e") >= parameter("cohorts_day")),
            "first_seen": first.group_by("e.person_id"),
        }

    def _buckets_of(self, filter_: Filter | None, *conditions: exp.Expr) -> exp.Select:
        bucket = exp.alias_(bucket_number_of(column_of("day", "e"), self._dimension), "bucket")
        day = exp.alias_(exp.Min(this=column_of("day", "e")), "day")
        return self._days_of(filter_, bucket, day).where(*conditions).group_by("e.person_id", "bucket")

    def _days_of(self, filter_: Filter | None, *columns: exp.Expr) -> exp.Select:
        """People's days in all time: the one place that looks at the events."""
        scan = scan_of(self._query, filter_)
        select = scan.of_all_time("e.person_id", *columns)
        return complete(scan, select.where(is_known(column_of("person_id", "e")), copy=False))

    def _members(self) -> exp.Select:
        """The people of the cohorts."""
        day = exp.alias_(exp.Min(this=exp.column("day")), "day")
        first = exp.select("person_id", day).from_("first_seen").group_by("person_id").subquery("seen")
        cohort = exp.alias_(bucket_number_of(column_of("day", "seen"), self._dimension), "cohort")
        in_period = exp.Between(this=column_of("day", "seen"), low=parameter("first_day"), high=parameter("last_day"))
        return exp.select("person_id", cohort).from_(first).where(in_period)

    def _returned(self) -> exp.Select:
        later = exp.Sub(this=column_of("bucket", "r"), expression=column_of("cohort", "m"))
        is_later = exp.GTE(this=column_of("bucket", "r"), expression=column_of("cohort", "m"))
        select = exp.select("m.cohort", exp.alias_(later, "later"), "count(*) AS people").from_("member AS m")
        return select.join("active AS r", on="r.person_id = m.person_id").where(is_later).group_by("cohort", "later")

    def _grouped(self) -> exp.Select:
        """A row a cohort and offset, up to today's bucket."""
        until = exp.Add(
            this=exp.Sub(this=parameter("last_bucket"), expression=exp.column("cohort")), expression=whole(1)
        )
        offsets = exp.alias_(exp.Explode(this=exp.func("range", whole(0), exp.cast(until, "BIGINT"))), "later")
        cells = exp.select("cohort", "size", offsets).from_("cohort").subquery("cell")
        people = or_none(column_of("people", "r"))
        select = exp.select("cell.cohort", "cell.later", "cell.size", exp.alias_(people, "people")).from_(cells)
        on = "r.cohort = cell.cohort AND r.later = cell.later"
        return select.join("returned AS r", on=on, join_type="LEFT")

    def _page(self) -> exp.Select:
        cohort, later, people, size = (column_of(name, "grouped") for name in ("cohort", "later", "people", "size"))
        is_complete = exp.LT(this=exp.Add(this=cohort, expression=later), expression=parameter("last_bucket"))
        figures = {
            "cohort": self._day_of(cohort),
            "offset": later,
            "people": people,
            "size": size,
            "share": ratio(people, size),
            "share.numerator": people,
            "share.denominator": size,
            "is_complete": is_complete,
            "total.people": exp.select("count(*)").from_("member").subquery(),
        }
        page = exp.select(*(exp.alias_(figure.copy(), name, quoted=True) for name, figure in figures.items()))
        order = [ordered(cohort.copy(), False), ordered(later.copy(), False)]
        return page_of(page.from_("grouped"), order, self._query)

    def _day_of(self, bucket: exp.Expr) -> exp.Expr:
        """The first day of a bucket, as text."""
        if self._dimension == WEEK:
            days = exp.Sub(this=exp.Mul(this=bucket.copy(), expression=whole(7)), expression=whole(3))
            day: exp.Expr = exp.Add(
                this=exp.cast(literal(str(EPOCH)), "DATE"), expression=exp.cast(exp.paren(days), "INTEGER")
            )
        else:
            before = exp.paren(exp.Sub(this=bucket.copy(), expression=whole(1)))
            year = exp.IntDiv(this=before, expression=whole(12))
            month = exp.Add(this=exp.Mod(this=before.copy(), expression=whole(12)), expression=whole(1))
            day = exp.func("make_date", *(exp.cast(part, "BIGINT") for part in (year, month, whole(1))))
        return exp.cast(day, "TEXT")
