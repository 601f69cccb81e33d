"""From filters to conditions on ``event AS e``. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
from sqlglot import exp

from analytics_internal.dimensions import DECLARED
from analytics_internal.event import composed, decoded
from analytics_internal.query import language

MAX_NAMES = 2**62


def condition(filter_: language.Filter) -> exp.Expr:
    """A filter as a condition on ``event AS e``, and on ``item AS term_of`` for search terms.

    What a filter demands of one kind of name is looked for among the names, each of which is looked at once, not among
    the events: a question with many filters costs little more than one with few.
    Where an event has no value the condition may be unknown, which drops the event as false does.
    """
    names = _names_of(filter_)
    if names is not None:
        return _over_names(filter_, names)
    if isinstance(filter_, language.Not):
        return exp.not_(_known(condition(filter_.filter)), copy=False)
    if isinstance(filter_, language.All | language.Any):
        parts = [condition(part) for part in _gathered(filter_)]
        joined = exp.and_(*parts, copy=False) if isinstance(filter_, language.All) else exp.or_(*parts, copy=False)
        return exp.paren(joined, copy=False)
    assert isinstance(filter_, language.Is), "only items are compared by their ids"
    ids: list[exp.Expr] = [exp.Literal.number(int(str(value))) for value in filter_.values]
    is_one_of = exp.In(this=column_of("item_id", "e"), expressions=ids)
    return exp.not_(_known(is_one_of), copy=False) if filter_.is_negated else exp.paren(is_one_of, copy=False)


class Names(NamedTuple):
    """A table of names, and the column of the scan that holds their ids."""

    scan: str
    id_column: str
    table: str


def names_of(dimension: str) -> Names | None:
    """Where a filter on a dimension is decided; None for items, whose ids are in the events."""
    declared = DECLARED[dimension]
    if declared.parts:
        return None
    return Names("term_of" if declared.is_of_search else "e", declared.table.id_column, declared.table.name)


def _may_have_no_text(dimension: str) -> bool:
    """Whether an event may have one of the names that are looked at, and that name no text of the dimension."""
    return not DECLARED[dimension].has_one_id and not DECLARED[dimension].is_of_search


def _names_of(filter_: language.Filter) -> Names | None:
    """The table of names that all of a filter is about; None when it is about several, or about items."""
    if isinstance(filter_, language.All | language.Any):
        found = {_names_of(part) for part in filter_.filters}
        return found.pop() if len(found) == 1 else None
    if isinstance(filter_, language.Not):
        return _names_of(filter_.filter)
    return names_of(filter_.dimension)


def _gathered(filter_: language.All | language.Any) -> list[language.Filter]:
    """The parts of a filter, those about the same names together."""
    parts: dict[object, list[language.Filter]] = {}
    for number, part in enumerate(filter_.filters):
        names = _names_of(part)
        parts.setdefault(names if names is not None else number, []).append(part)
    return [same[0] if len(same) == 1 else type(filter_)(tuple(same)) for same in parts.values()]


def _over_names(filter_: language.Filter, names: Names) -> exp.Expr:
    column = column_of(names.id_column, names.scan)
    without_id = _holds_without(filter_, lambda _: True)
    if _asks_for_none_only(filter_):
        is_null = exp.Is(this=column, expression=exp.Null())
        return is_null if without_id else exp.not_(is_null, copy=False)
    # A name that is missing has no text: whether that is what is asked for decides which names are looked for.
    is_negated = _holds_without(filter_, _may_have_no_text)
    found = exp.select(names.id_column).from_(_with_lowered(filter_, names), copy=False)
    found = found.where(_test(filter_, is_negated), copy=False)
    holds: exp.Expr = exp.In(this=column, query=exp.Subquery(this=found))
    if is_negated:
        holds = exp.not_(_known(holds), copy=False)
    if without_id == is_negated:
        return exp.paren(holds, copy=False)
    is_null = exp.Is(this=column.copy(), expression=exp.Null())
    if without_id:
        return exp.paren(exp.or_(holds, is_null, copy=False), copy=False)
    return exp.paren(exp.and_(holds, exp.not_(is_null, copy=False), copy=False), copy=False)


def _asks_for_none_only(filter_: language.Filter) -> bool:
    return isinstance(filter_, language.Is) and filter_.values == (None,) and not _may_have_no_text(filter_.dimension)


def _holds_without(filter_: language.Filter, is_none: Callable[[str], bool]) -> bool:
    """Whether a filter holds where there is no name; ``is_none`` says which dimensions then count as without value."""
    if isinstance(filter_, language.All | language.Any):
        parts = (_holds_without(part, is_none) for part in filter_.filters)
        return all(parts) if isinstance(filter_, language.All) else any(parts)
    if isinstance(filter_, language.Not):
        return not _holds_without(filter_.filter, is_none)
    if isinstance(filter_, language.Contains):
        return False
    return (None in filter_.values and is_none(filter_.dimension)) != filter_.is_negated


def _with_lowered(filter_: language.Filter, names: Names) -> exp.Expr:
    """The table of names, with a column in small letters for each that a text is looked for in."""
    lowered = sorted({part.dimension for part in comparisons(filter_) if _is_lowered(part)})
    if not lowered:
        return exp.to_table(names.table)
    columns = [exp.alias_(exp.Lower(this=exp.column(DECLARED[name].text)), f"lowered_{name}") for name in lowered]
    # Without the limit the engine would lower each name again for each text.
    table = exp.select("*", *columns).from_(names.table).limit(exp.Literal.number(MAX_NAMES), copy=False)
    return table.subquery("named", copy=False)


def _is_lowered(comparison: language.Is | language.Contains) -> bool:
    return isinstance(comparison, language.Contains) and DECLARED[comparison.dimension].searched_as is None


def comparisons(filter_: language.Filter) -> Iterator[language.Is | language.Contains]:
    """The leaves of a filter."""
    if isinstance(filter_, language.All | language.Any):
        for part in filter_.filters:
            yield from comparisons(part)
    elif isinstance(filter_, language.Not):
        yield from comparisons(filter_.filter)
    else:
        yield filter_


def conditions_on_events(filter_: language.Filter) -> int:
    """How many conditions each event is looked at for."""
    if _names_of(filter_) is not None or isinstance(filter_, language.Is | language.Contains):
        return 1
    if isinstance(filter_, language.Not):
        return conditions_on_events(filter_.filter)
    return sum(map(conditions_on_events, _gathered(filter_)))


def searched_texts(filter_: language.Filter) -> Counter[str]:
    """How many texts are looked for in each table of names."""
    found: Counter[str] = Counter()
    for comparison in comparisons(filter_):
        names = names_of(comparison.dimension)
        if names is not None:
            found[names.table] += len(comparison.values) if isinstance(comparison, language.Contains) else 1
    return found


def _test(filter_: language.Filter, is_negated: bool) -> exp.Expr:
    """A filter, or its opposite, as a condition on a row of its names."""
    if isinstance(filter_, language.Not):
        return _test(filter_.filter, not is_negated)
    if isinstance(filter_, language.All | language.Any):
        parts = [_test(part, is_negated) for part in filter_.filters]
        is_every = isinstance(filter_, language.All) != is_negated
        joined = exp.and_(*parts, copy=False) if is_every else exp.or_(*parts, copy=False)
        return exp.paren(joined, copy=False)
    if isinstance(filter_, language.Contains):
        holds = _contains(filter_)
    else:
        holds, is_negated = _is(filter_), is_negated != filter_.is_negated
    return exp.not_(_known(holds), copy=False) if is_negated else exp.paren(holds, copy=False)


def as_counted(filter_: language.Filter, item_counted_as: Callable[[int], int]) -> language.Filter:
    """The same filter with each item as the one that it is counted as."""
    if isinstance(filter_, language.All | language.Any):
        parts = tuple(as_counted(part, item_counted_as) for part in filter_.filters)
        return msgspec.structs.replace(filter_, filters=parts)
    if isinstance(filter_, language.Not):
        return language.Not(as_counted(filter_.filter, item_counted_as))
    if names_of(filter_.dimension) is not None:
        return filter_
    values = tuple(item_counted_as(value) if isinstance(value, int) else value for value in filter_.values)
    return msgspec.structs.replace(filter_, values=values)


def _is(filter_: language.Is) -> exp.Expr:
    declared = DECLARED[filter_.dimension]
    name = exp.column(declared.text)
    texts = [text for value in filter_.values if value is not None for text in declared.compared_as(str(value))]
    values: list[exp.Expr] = [literal(text) for text in dict.fromkeys(texts)]
    parts: list[exp.Expr] = [exp.In(this=name, expressions=values)] if values else []
    if None in filter_.values:
        has_text = declared.has_one_id
        parts.append(exp.false() if has_text else exp.Is(this=name.copy(), expression=exp.Null()))
    return exp.or_(*parts, copy=False)


def _contains(filter_: language.Contains) -> exp.Expr:
    declared = DECLARED[filter_.dimension]
    if declared.searched_as is not None:
        name = exp.column(declared.text)
        texts: list[exp.Expr] = [literal(declared.searched_as(text)) for text in filter_.values]
    else:
        # Both in the engine: what another language calls lower case need not be found.
        name = exp.column(f"lowered_{filter_.dimension}")
        values = dict.fromkeys(text for value in filter_.values for text in (composed(value), decoded(value)))
        texts = [exp.Lower(this=literal(text)) for text in values]
    return exp.or_(*(exp.Contains(this=name.copy(), expression=text) for text in texts), copy=False)


def _known(condition: exp.Expr) -> exp.Expr:
    # A row without a value is not in any list: SQL would call that unknown and drop it from the negation too. Only
    # there: around a plain `IN` it would keep the engine from reading no more than the rows that match.
    return exp.Coalesce(this=exp.paren(condition, copy=False), expressions=[exp.false()])


def literal(text: str) -> exp.Literal:
    """A text as SQL, whatever is in it."""
    return exp.Literal.string(text)


def column_of(name: str, table: str) -> exp.Column:
    """A column by its exact name."""
    return exp.column(exp.to_identifier(name, quoted=True), table)
