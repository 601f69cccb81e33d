"""What an answer shows of the groups of its rows: the texts behind their keys, and the order by them. Pure.

Every kind of question has a stage ``grouped`` with the keys of the scan, and the columns that are shown of keys.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from analytics_internal.dimensions import BUCKET_DAYS, DECLARED
from analytics_internal.query.conditions import column_of
from analytics_internal.query.language import Query
from analytics_internal.query.scan import Scan, has_id_as_key, join_names, parameter, source_of
from analytics_internal.reader import SORT_KEY


class Labels:
    """The labels of the groups of one question."""

    def __init__(self, scan: Scan) -> None:
        self._dimensions = scan.query.dimensions
        self._keys = scan.keys
        self._named = scan.named
        self._named_by = scan.named_by

    def names(self) -> tuple[str, ...]:
        """Columns that name a row's group: one a dimension, or one for each of its parts."""
        names: list[str] = []
        for dimension in self._dimensions:
            parts = self._named[dimension][1].parts if dimension in self._named else {}
            names += [f"{dimension}.{part}" for part in parts] or [dimension]
        return tuple(names)

    def labelled(self, page: exp.Select) -> exp.Select:
        """A selection from ``grouped`` with the columns of ``names``."""
        for dimension in self._dimensions:
            labels = {dimension: self._source(dimension)}
            if dimension in self._named:
                key, declared = self._named[dimension]
                if has_id_as_key(declared):
                    source, named_by = source_of(declared, key), self._named_by.get(declared.table.name)
                    page = join_names(page, declared, source, f"grouped.{key}", named_by)
                if declared.parts:
                    labels = {
                        f"{dimension}.{part}": self._part_source(dimension, column)
                        for part, column in declared.parts.items()
                    }
            page = page.select(*(exp.alias_(label, name, quoted=True) for name, label in labels.items()))
        return page

    def order_by(self, name: str, is_descending: bool) -> list[exp.Expr]:
        """The order that is asked for by a dimension."""
        if not self.sorted_by(name):
            return self.order_of(name, is_descending)
        order: list[exp.Expr] = []
        for column in self.sorted_by(name):
            order += ordered_text(self._part_source(name, column), is_descending)
        return order

    def order_of(self, dimension: str, is_descending: bool = False) -> list[exp.Expr]:
        """An order by what tells the dimension's labels apart."""
        label = self._source(dimension)
        if dimension in BUCKET_DAYS or DECLARED[dimension].parts:
            return [ordered(label, is_descending)]  # by number
        return ordered_text(label, is_descending)

    def sorted_by(self, dimension: str) -> tuple[str, ...]:
        """The columns that a dimension with parts is sorted by; two of its labels may be equal in them."""
        return self._named[dimension][1].sorted_by if dimension in self._named else ()

    def _part_source(self, dimension: str, column: str) -> exp.Expr:
        key, declared = self._named[dimension]
        # The key is there also where the name is missing.
        is_id = column == declared.table.id_column
        return column_of(key, "grouped") if is_id else column_of(column, source_of(declared, key))

    def _source(self, dimension: str) -> exp.Expr:
        key = self._keys[self._dimensions.index(dimension)]
        if dimension in self._named and DECLARED[dimension].has_one_id:
            return self._part_source(dimension, DECLARED[dimension].text)
        shown = DECLARED[dimension].shown_as if dimension in self._named else None
        return column_of(shown or key, "grouped")


def page_of(rows: exp.Select, order: Sequence[exp.Expr], query: Query) -> exp.Select:
    """Of rows in an order those of the asked page, each with its ``place`` and the total of rows."""
    number = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=list(order)) if order else None)
    total = exp.Window(this=exp.Count(this=exp.Star()))
    rows = rows.select(exp.alias_(number, "place"), exp.alias_(total, "total_rows"))
    page = exp.select("*").from_(rows.subquery("numbered"))
    page = page.where(exp.GT(this=exp.column("place"), expression=parameter("rows_before")))
    if query.limit is not None:
        page = page.where(exp.LTE(this=exp.column("place"), expression=parameter("rows_until")))
    return page


def ratio(numerator: exp.Expr, denominator: exp.Expr) -> exp.Expr:
    """Null where there is nothing to divide by."""
    nothing_is_null = exp.Nullif(this=denominator.copy(), expression=exp.Literal.number(0))
    return exp.Div(this=exp.cast(numerator.copy(), "DOUBLE"), expression=nothing_is_null)


def ordered(this: exp.Expr, is_descending: bool) -> exp.Expr:
    """Null comes last in both directions."""
    return exp.Ordered(this=this, desc=is_descending, nulls_first=False)


def ordered_text(text: exp.Expr, is_descending: bool) -> list[exp.Expr]:
    """The order of texts: case and accents aside, then by bytes."""
    return [ordered(exp.func(SORT_KEY, text.copy()), is_descending), ordered(text, is_descending)]
