"""From filters to conditions on ``event AS e``. Pure."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from analytics_internal.query import language
from analytics_internal.subject import normalise_entity_ref

# A dimension's column in `event`, and the table and column that name it.
NAMED = {
    "action": ("action_id", "action", "name"),
    "plugin": ("plugin_id", "plugin", "name"),
    "entity": ("entity_id", "entity", "ref"),
    "person": ("person_id", "person", "ref"),
    "path": ("path_id", "path", "name"),
}


def condition(filter_: language.Filter) -> exp.Expr:
    """A filter as a condition on ``event AS e`` that is never unknown."""
    if isinstance(filter_, language.All | language.Any):
        parts = [condition(part) for part in filter_.filters]
        return exp.paren(exp.and_(*parts) if isinstance(filter_, language.All) else exp.or_(*parts))
    if isinstance(filter_, language.Not):
        return exp.not_(exp.paren(condition(filter_.filter)))
    if isinstance(filter_, language.Contains):
        return _contains(filter_)
    return _is(filter_)


def _is(filter_: language.Is) -> exp.Expr:
    column = _event_column(filter_.dimension)
    values = [value for value in filter_.values if value is not None]
    parts: list[exp.Expr] = []
    if values and filter_.dimension == "item":
        parts.append(exp.In(this=column, expressions=[exp.Literal.number(int(value)) for value in values]))
    elif values:
        named = [literal(_comparable(filter_.dimension, str(value))) for value in values]
        parts.append(_named_in(filter_.dimension, lambda name: exp.In(this=name, expressions=named)))
    if len(values) < len(filter_.values):
        parts.append(exp.Is(this=column, expression=exp.Null()))
    # A row without a value is not in any list: SQL would call that unknown and drop it from `is_not` too.
    known = exp.Coalesce(this=exp.paren(exp.or_(*parts)), expressions=[exp.false()])
    return exp.not_(known) if filter_.is_negated else known


def _contains(filter_: language.Contains) -> exp.Expr:
    def any_text(name: exp.Expr) -> exp.Expr:
        lowered = exp.Lower(this=name)
        # Both in the engine: what another language calls lower case need not be found.
        texts = (exp.Lower(this=literal(text)) for text in filter_.values)
        return exp.or_(*(exp.Contains(this=lowered.copy(), expression=text) for text in texts))

    return exp.Coalesce(this=exp.paren(_named_in(filter_.dimension, any_text)), expressions=[exp.false()])


def _named_in(dimension: str, test: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """The event's id of a dimension is among those whose names pass a test."""
    id_column, table, name = ("item_id", "item", "subject") if dimension == "subject" else NAMED[dimension]
    names = exp.select(id_column).from_(table).where(test(exp.column(name)))
    return exp.In(this=_event_column(dimension), query=names.subquery())


def _event_column(dimension: str) -> exp.Expr:
    return column_of("item_id" if dimension in ("item", "subject") else NAMED[dimension][0], "e")


def _comparable(dimension: str, value: str) -> str:
    if dimension in ("entity", "person"):
        return normalise_entity_ref(value, "user" if dimension == "person" else None) or value
    return value


def literal(text: str) -> exp.Literal:
    """A text as SQL, whatever is in it."""
    return exp.Literal.string(text)


def column_of(name: str, table: str) -> exp.Column:
    """A column by its exact name."""
    return exp.column(exp.to_identifier(name, quoted=True), table)
