"""From filters to conditions on ``event AS e``. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlglot import exp

from analytics_internal.query import language
from analytics_internal.spelling import composed, decoded
from analytics_internal.subject import (
    doc_page_of,
    folded,
    normalise_entity_ref,
    spelled_entity_ref,
    stored_path,
    stored_subject,
)

SEARCH_TERM = "search_term"
# A dimension's column in `event`, and the table and column that name it, one name for each id.
NAMED = {
    "action": ("action_id", "action", "name"),
    "plugin": ("plugin_id", "plugin", "name"),
    "entity": ("entity_id", "entity", "ref"),
    "person": ("person_id", "person", "ref"),
    "path": ("path_id", "path", "name"),
}
# The same for those where several ids have one text.
TEXTS = {
    "subject": ("item_id", "item", "subject"),
    "doc_page": ("path_id", "path", "doc_page"),
}


def condition(filter_: language.Filter) -> exp.Expr:
    """A filter as a condition on ``event AS e``, and on ``item AS term_of`` for search terms.

    Where an event has no value the condition may be unknown, which drops the event as false does.
    """
    if isinstance(filter_, language.All | language.Any):
        parts = [condition(part) for part in filter_.filters]
        return exp.paren(exp.and_(*parts) if isinstance(filter_, language.All) else exp.or_(*parts))
    if isinstance(filter_, language.Not):
        return exp.not_(_known(condition(filter_.filter)))
    if isinstance(filter_, language.Contains):
        return _contains(filter_)
    return _is(filter_)


def as_counted(filter_: language.Filter, item_counted_as: Callable[[int], int]) -> language.Filter:
    """The same filter with each item as the one that it is counted as."""
    if isinstance(filter_, language.All | language.Any):
        parts = tuple(as_counted(part, item_counted_as) for part in filter_.filters)
        return msgspec.structs.replace(filter_, filters=parts)
    if isinstance(filter_, language.Not):
        return language.Not(as_counted(filter_.filter, item_counted_as))
    if filter_.dimension != "item":
        return filter_
    values = tuple(item_counted_as(value) if isinstance(value, int) else value for value in filter_.values)
    return msgspec.structs.replace(filter_, values=values)


def _is(filter_: language.Is) -> exp.Expr:
    values = [value for value in filter_.values if value is not None]
    parts: list[exp.Expr] = []
    if values and filter_.dimension == "item":
        ids: list[exp.Expr] = [exp.Literal.number(int(value)) for value in values]
        parts.append(exp.In(this=column_of("item_id", "e"), expressions=ids))
    elif values:
        texts = [text for value in values for text in _comparable(filter_.dimension, str(value))]
        named = [literal(text) for text in dict.fromkeys(texts)]
        parts.append(_named(filter_.dimension, lambda name: exp.In(this=name, expressions=named)))
    if len(values) < len(filter_.values):
        parts.append(_has_none(filter_.dimension))
    is_one_of = exp.paren(exp.or_(*parts))
    return exp.not_(_known(is_one_of)) if filter_.is_negated else is_one_of


def _has_none(dimension: str) -> exp.Expr:
    if dimension in NAMED:
        return exp.Is(this=column_of(NAMED[dimension][0], "e"), expression=exp.Null())
    return exp.not_(_known(_named(dimension, lambda name: exp.not_(exp.Is(this=name, expression=exp.Null())))))


def _contains(filter_: language.Contains) -> exp.Expr:
    def any_text(name: exp.Expr) -> exp.Expr:
        if filter_.dimension == SEARCH_TERM:
            return exp.or_(*(exp.Contains(this=name.copy(), expression=literal(folded(t))) for t in filter_.values))
        values = dict.fromkeys(text for value in filter_.values for text in (composed(value), decoded(value)))
        lowered = exp.Lower(this=name)
        # Both in the engine: what another language calls lower case need not be found.
        texts = (exp.Lower(this=literal(text)) for text in values)
        return exp.or_(*(exp.Contains(this=lowered.copy(), expression=text) for text in texts))

    return exp.paren(_named(filter_.dimension, any_text))


def _known(condition: exp.Expr) -> exp.Expr:
    # A row without a value is not in any list: SQL would call that unknown and drop it from the negation too. Only
    # there: around a plain `IN` it would keep the engine from reading no more than the rows that match.
    return exp.Coalesce(this=exp.paren(condition), expressions=[exp.false()])


def _named(dimension: str, test: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """The name of an event's dimension passes a test."""
    if dimension == SEARCH_TERM:
        return test(column_of("term", "term_of"))
    id_column, table, name = (NAMED | TEXTS)[dimension]
    names = exp.select(id_column).from_(table).where(test(exp.column(name)))
    return exp.In(this=column_of(id_column, "e"), query=names.subquery())


def _comparable(dimension: str, value: str) -> tuple[str, ...]:
    """What a filter's value is compared as: in the spellings that the reader names things by."""
    match dimension:
        case "person":
            return (normalise_entity_ref(value, "user") or value,)
        case "entity":
            return (spelled_entity_ref(value) or value,)
        case "path":
            return (stored_path(value) or value,)
        case "doc_page":
            path = stored_path(value) or value
            return (doc_page_of(path) or path,)
        case "subject":  # whether it is an address depends on the action
            return (stored_subject("", value), composed(value))
        case "search_term":
            return (folded(value),)
    return (value,)


def literal(text: str) -> exp.Literal:
    """A text as SQL, whatever is in it."""
    return exp.Literal.string(text)


def column_of(name: str, table: str) -> exp.Column:
    """A column by its exact name."""
    return exp.column(exp.to_identifier(name, quoted=True), table)
