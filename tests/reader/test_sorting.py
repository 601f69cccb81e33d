import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.reader.sorting import create_sort_key
from tests.query.model import sort_key as modelled

letters = st.sampled_from("abcZÄäÅåÉéèçñÖøØßẞłŁΑάΩςЁёЙй 0129-_/.:İ") | st.characters(max_codepoint=0x24F)


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect()
    engine.execute(create_sort_key())
    return engine


def key(engine: duckdb.DuckDBPyConnection, text: str) -> object:
    row = engine.execute("SELECT sort_key(?)", [text]).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"), ("ẞ", "SS"), ("Ångström", "angstrom"), ("A\u030angstrom", "Ångstrom"), ("Øre", "ORE"),
        ("Łódź", "lodz"), ("Æon", "aeon"), ("Œuvre", "oeuvre"), ("Þór", "thor"), ("İSTANBUL", "istanbul"),
        ("ılık", "ILIK"), ("ΟΔΟΣ", "οδός"), ("Ёлка", "ЕЛКА"), ("Ａ－１", "a-1"), ("Đà Nẵng", "da nang"), ("", ""),
    ],
)  # fmt: skip
def test_case_and_accents_do_not_count(engine: duckdb.DuckDBPyConnection, one: str, other: str) -> None:
    assert key(engine, one) == key(engine, other)


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_plain_text_is_sorted_in_small_letters(engine: duckdb.DuckDBPyConnection, text: str) -> None:
    assert key(engine, text) == text.lower() == modelled(text)[0]


def test_no_text_has_no_key(engine: duckdb.DuckDBPyConnection) -> None:
    assert engine.execute("SELECT sort_key(NULL)").fetchone() == (None,)


@given(st.lists(st.text(letters, max_size=6), unique=True))
def test_the_order_is_total(engine: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    def in_order(given_: list[str]) -> list[object]:
        rows = engine.execute("SELECT t FROM unnest(?::VARCHAR[]) AS u(t) ORDER BY sort_key(t), t", [given_]).fetchall()
        return [row[0] for row in rows]

    assert in_order(texts) == in_order(texts[::-1])
