"""What is declared of metrics and dimensions is what the documentation says, and is declared once."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from analytics_internal import dimensions
from analytics_internal.query import metrics

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "analytics_internal"
DOCUMENTATION = ROOT / "docs" / "reference" / "query.md"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines).replace("| --- ", "|---").replace("--- |", "---|")


def described_metrics() -> str:
    rows = ((f"`{name}`", one.meaning, one.formula, one.form) for name, one in metrics.DECLARED.items())
    return table(("metric", "meaning", "formula", "form"), rows)


def described_dimensions() -> str:
    rows = (
        (
            f"`{name}`",
            one.meaning,
            "yes" if one.can_be_grouped else "",
            "" if not one.can_be_filtered else "ids, by `is` and `is_not`" if one.parts else "texts",
            "`analytics-internal.people.read`" if one.names_people else "",
        )
        for name, one in (*dimensions.DECLARED.items(), (dimensions.ANY_ATTRIBUTE, dimensions.DECLARED["attr:x"]))
    )
    return table(("dimension", "meaning", "in `dimensions`", "in `filters`", "permission"), rows)


@pytest.mark.parametrize("described", [described_metrics, described_dimensions])
def test_the_documentation_has_what_is_declared(described: Callable[[], str]) -> None:
    assert described() in DOCUMENTATION.read_text(), f"to be copied into {DOCUMENTATION.name}:\n{described()}"


def derived_names() -> list[str]:
    """The dimensions whose names are no names of tables or columns of the log as well."""
    catalog = (dimensions.ENTITY_VERSION, dimensions.PERSON_TEAM)
    tables = (*dimensions.TABLES.values(), *catalog)
    stored = {name for table in tables for name in (table.name, *table.columns)}
    return [name for name in dimensions.DECLARED if name not in stored]


@pytest.mark.parametrize("name", derived_names())
@pytest.mark.parametrize("package", ["log", "reader", "query", "http"])
def test_a_dimension_is_named_where_it_is_declared_and_nowhere_else(name: str, package: str) -> None:
    naming = [path for path in (SOURCE / package).rglob("*.py") if f'"{name}"' in path.read_text()]
    assert naming == []
