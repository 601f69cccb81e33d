"""From filters to conditions on ``event AS e``. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
from sqlglot import exp

from analytics_internal.dimensions import DECLARED, MAX_ATTRIBUTE_TEXT, DayTable, Dimension
from analytics_internal.event import composed, decoded
from analytics_internal.query import language

MAX_NAMES = 2**62
SOMEBODY = "(person)"
_MEMBER = "json_extract_string"
# A user's ref as the catalog spells it, percent-encoded or not; or an address of mail.
_PERSON = exp.Literal.string(r"user(:|%3a)[^\s/%\"',;]+((/|%2f)[^\s/%\"',;]+)?|[^\s\"',;:<>()@]+@[^\s\"',;:<>()@]+")
_REPLACED = (exp.Literal.string(SOMEBODY), exp.Literal.string("gi"))


class Matches:
    """What conditions look for among the days of names: selections with an id, ``first_day`` and ``last_day``.

    Each is joined to the scan as ``matched_0``, ``matched_1``, …; of one id their days do not overlap.
    """

    def __init__(self) -> None:
        self._aliases: dict[str, str] = {}
        self.found: dict[str, tuple[str, exp.Query]] = {}
        """By alias: the column of ids, and the selection."""

    def alias_of(self, id_column: str, found: exp.Query) -> str:
        """The alias of a selection, the same for the same one."""
        alias = self._aliases.setdefault(found.sql(), f"matched_{len(self._aliases)}")
        self.found[alias] = id_column, found
        return alias


def condition(filter_: language.Filter, matches: Matches) -> exp.Expr:
    """A filter as a condition on ``event AS e`` and on what joins.py joins to it.

    What a filter demands of one kind of name is looked for among the names, each of which is looked at once, not among
    the events: a question with many filters costs little more than one with few.
    Where an event has no value the condition may be unknown, which drops the event as false does.
    """
    names = _names_of(filter_)
    if names is not None:
        return _over_days(filter_, names, matches) if names.is_by_day else _over_names(filter_, names)
    if isinstance(filter_, language.Not):
        return exp.not_(_known(condition(filter_.filter, matches)), copy=False)
    if isinstance(filter_, language.All | language.Any):
        parts = [condition(part, matches) for part in _gathered(filter_)]
        joined = exp.and_(*parts, copy=False) if isinstance(filter_, language.All) else exp.or_(*parts, copy=False)
        return exp.paren(joined, copy=False)
    assert isinstance(filter_, language.Is), "only items are compared by their ids"
    ids: list[exp.Expr] = [exp.Literal.number(int(str(value))) for value in filter_.values]
    is_one_of = exp.In(this=column_of("item_id", "e"), expressions=ids)
    return exp.not_(_known(is_one_of), copy=False) if filter_.is_negated else exp.paren(is_one_of, copy=False)


class Names(NamedTuple):
    """A table of names, and where the scan holds their ids."""

    holder: str
    held_as: str
    table: str
    id_column: str
    is_by_day: bool
    is_many: bool


def names_of(dimension: str) -> Names | None:
    """Where a filter on a dimension is decided; None for items, whose ids are in the events."""
    declared = DECLARED[dimension]
    if declared.parts:
        return None
    table = declared.table
    is_many = isinstance(table, DayTable) and table.is_many
    return Names(*declared.holder, table.name, table.id_column, isinstance(table, DayTable), is_many)


def _may_have_no_text(dimension: str) -> bool:
    """Whether an event may have one of the names that are looked at, and that name no text of the dimension."""
    return not DECLARED[dimension].has_one_id and not DECLARED[dimension].is_of_search


def _names_of(filter_: language.Filter) -> Names | None:
    """The table of names that all of a filter is about; None when it is about several, or about items."""
    if isinstance(filter_, language.All | language.Any):
        found = {_names_of(part) for part in filter_.filters}
        names = found.pop() if len(found) == 1 else None
        # Of many rows, one may be what one part demands and another one what the other does.
        return names if names is not None and not names.is_many else None
    if isinstance(filter_, language.Not):
        return _names_of(filter_.filter)
    return names_of(filter_.dimension)


def _gathered(filter_: language.All | language.Any) -> list[language.Filter]:
    """The parts of a filter, those about the same names together."""
    parts: dict[object, list[language.Filter]] = {}
    for number, part in enumerate(filter_.filters):
        names = _names_of(part)
        is_alone = names is None or names.is_many
        parts.setdefault(number if is_alone else names, []).append(part)
    return [same[0] if len(same) == 1 else type(filter_)(tuple(same)) for same in parts.values()]


def _over_names(filter_: language.Filter, names: Names) -> exp.Expr:
    column = column_of(names.held_as, names.holder)
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


def _over_days(filter_: language.Filter, names: Names, matches: Matches) -> exp.Expr:
    """A condition on what the catalog says of a name on the event's day. It is never unknown."""
    if isinstance(filter_, language.Not):
        return exp.not_(exp.paren(_over_days(filter_.filter, names, matches), copy=False), copy=False)
    if not names.is_many:
        # Without a row nothing is said: whether that is what is asked for decides which rows are looked for.
        is_negated = _holds_without(filter_, lambda _: True)
        found = _days_of(names, _with_lowered(filter_, names), _test(filter_, is_negated))
        return _is_matched(found, names, matches, is_negated)
    if isinstance(filter_, language.Is):
        texts = tuple(value for value in filter_.values if value is not None)
        parts = []
        if texts:
            one_of = language.Is(filter_.dimension, texts)
            found = _days_of(names, exp.to_table(names.table), _test(one_of, False))
            if len(texts) > 1:  # the days of one text do not overlap
                found = _apart(found, names)
            parts.append(_is_matched(found, names, matches))
        if None in filter_.values:
            anything = _apart(_days_of(names, exp.to_table(names.table)), names)
            parts.append(_is_matched(anything, names, matches, is_negated=True))
        holds = exp.paren(exp.or_(*parts, copy=False), copy=False)
        return exp.not_(holds, copy=False) if filter_.is_negated else holds
    found = _apart(_days_of(names, _with_lowered(filter_, names), _test(filter_, False)), names)
    return _is_matched(found, names, matches)


def _days_of(names: Names, table: exp.Expr, test: exp.Expr | None = None) -> exp.Select:
    days = exp.select(names.id_column, "first_day", "last_day").from_(table, copy=False)
    return days.where(test, copy=False) if test is not None else days


def _apart(days: exp.Select, names: Names) -> exp.Select:
    """The days of several rows of one id as stretches that neither overlap nor touch."""
    id_ = exp.column(names.id_column)
    order = exp.Order(expressions=[exp.column("first_day"), exp.column("last_day")])
    reached = exp.Window(
        this=exp.Max(this=exp.cast(exp.column("last_day"), "BIGINT")),
        partition_by=[id_],
        order=order,
        spec=exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="1", end_side="PRECEDING"),
    )
    stretches = exp.select("*", exp.alias_(reached, "reached")).from_(days.subquery("days"))
    is_apart = exp.GT(
        this=exp.column("first_day"), expression=exp.Add(this=exp.column("reached"), expression=exp.Literal.number(1))
    )
    begins = exp.cast(exp.or_(exp.Is(this=exp.column("reached"), expression=exp.Null()), is_apart), "INTEGER")
    number = exp.Window(
        this=exp.Sum(this=begins),
        partition_by=[id_.copy()],
        order=order.copy(),
        spec=exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW"),
    )
    islands = exp.select("*", exp.alias_(number, "island")).from_(stretches.subquery("stretches"))
    first, last = exp.Min(this=exp.column("first_day")), exp.Max(this=exp.column("last_day"))
    merged = exp.select(names.id_column, exp.alias_(first, "first_day"), exp.alias_(last, "last_day"))
    return merged.from_(islands.subquery("islands")).group_by(names.id_column, "island")


def _is_matched(found: exp.Query, names: Names, matches: Matches, is_negated: bool = False) -> exp.Expr:
    alias = matches.alias_of(names.id_column, found)
    is_none = exp.Is(this=column_of(names.id_column, alias), expression=exp.Null())
    return exp.paren(is_none, copy=False) if is_negated else exp.not_(is_none, copy=False)


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
    columns = [exp.alias_(exp.Lower(this=text_of(DECLARED[name])), f"lowered_{name}", quoted=True) for name in lowered]
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
    name = text_of(declared)
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
        name = text_of(declared)
        texts: list[exp.Expr] = [literal(declared.searched_as(text)) for text in filter_.values]
    else:
        # Both in the engine: what another language calls lower case need not be found.
        name = exp.column(exp.to_identifier(f"lowered_{filter_.dimension}", quoted=True))
        values = dict.fromkeys(text for value in filter_.values for text in (composed(value), decoded(value)))
        texts = [exp.Lower(this=literal(text)) for text in values]
    return exp.or_(*(exp.Contains(this=name.copy(), expression=text) for text in texts), copy=False)


def _known(condition: exp.Expr) -> exp.Expr:
    # A row without a value is not in any list: SQL would call that unknown and drop it from the negation too. Only
    # there: around a plain `IN` it would keep the engine from reading no more than the rows that match.
    return exp.Coalesce(this=exp.paren(condition, copy=False), expressions=[exp.false()])


def text_of(declared: Dimension) -> exp.Expr:
    """The text of a dimension in its table of names."""
    column = exp.column(declared.text)
    if declared.member is None:
        return column
    pointer = "/" + declared.member.replace("~", "~0").replace("/", "~1")
    member = exp.Anonymous(this=_MEMBER, expressions=[column, literal(pointer)])
    return exp.func("left", member, exp.Literal.number(MAX_ATTRIBUTE_TEXT))


def without_people(tree: exp.Expr) -> exp.Expr:
    """A statement whose attributes have ``SOMEBODY`` in place of refs of users and addresses of mail.

    An attribute's name does not always say that its values name people, so the values are looked at. Rows and filters
    see the same texts: nobody finds by a filter what is not shown.
    """
    for member in [node for node in tree.find_all(exp.Anonymous) if node.name == _MEMBER]:
        shown = exp.Anonymous(this="regexp_replace", expressions=[member.copy(), _PERSON.copy(), *_REPLACED])
        member.replace(shown)
    return tree


def literal(text: str) -> exp.Literal:
    """A text as SQL, whatever is in it."""
    return exp.Literal.string(text)


def column_of(name: str, table: str) -> exp.Column:
    """A column by its exact name."""
    return exp.column(exp.to_identifier(name, quoted=True), table)
