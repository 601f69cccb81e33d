import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.query.csv_file import csv_rows, guarded

FORMULA_STARTS = ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "−", "⁼", "₊"]
UNSEEN = ["", " ", "\u00a0", "\u3000", "\ufeff", "\u200b", "\u00ad", "\u202e", "\ufe0f", "'", '"', " ' "]
BREAKS = ["\n", "\r", "\r\n", "\t", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x1f"]

cells = st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(FORMULA_STARTS)


def unguarded(text: str) -> str:
    """What a program makes of a cell: the text as it was stored."""
    return text[1:] if text.startswith("'") and guarded(text[1:]) != text[1:] else text


@pytest.mark.parametrize("start", FORMULA_STARTS)
@pytest.mark.parametrize("unseen", UNSEEN)
def test_no_text_begins_a_formula(start: str, unseen: str) -> None:
    text = f"{unseen}{start}HYPERLINK(1)"

    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("unseen", UNSEEN)
@pytest.mark.parametrize("line_break", BREAKS)
def test_no_text_begins_with_a_break(unseen: str, line_break: str) -> None:
    text = f"{unseen}{line_break}cmd"

    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", " ", "'", "a=1", "/a", "/=a", "1-2", "日本", "é", "…=1", "(=1)", "'quoted'", "#=1", "²=1"]
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


@given(st.text(st.sampled_from([*"'\"=a \n", "\ufeff", "＝"])))
def test_the_formula_guard_can_be_removed(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=4))
def test_lines_are_read_back_as_they_were(rows: list[list[object]]) -> None:
    text = csv_rows(rows).decode()

    found = [[unguarded(cell) for cell in line] for line in csv.reader(io.StringIO(text, newline=""))]

    assert found == [["" if cell is None else str(cell) for cell in row] for row in rows]


def test_texts_are_quoted_and_numbers_are_not() -> None:
    rows: list[list[object]] = [["subject", "events"], ['say "a;b"', -3], ["", 1.5], [None, None], ["2026-11-02", 0]]

    assert csv_rows(rows) == (
        b'"subject","events"\r\n"say ""a;b""",-3\r\n"",1.5\r\n,\r\n"2026-11-02",0\r\n'
    )  # fmt: skip


def test_a_row_of_nothing_is_still_a_row() -> None:
    text = csv_rows([["first_access"], [None]]).decode()

    assert list(csv.reader(io.StringIO(text, newline=""))) == [["first_access"], [""]]
