"""Print figures as a Markdown table that is also readable on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table; all columns but the first are right-aligned."""
    texts = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[n]) for row in texts) for n in range(len(head))]
    lines = [_line(row, widths) for row in texts]
    rule = "|" + "|".join("-" * (width + 1) + (":" if n else "-") for n, width in enumerate(widths)) + "|"
    print(f"\n{title}\n\n{lines[0]}\n{rule}")
    print("\n".join(lines[1:]), flush=True)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if n else cell.ljust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "| " + " | ".join(cells) + " |"


def spread(values: Sequence[float], unit: str = "") -> str:
    """The median with the minimum and maximum."""
    middle, least, most = median(values), min(values), max(values)
    digits = 0 if middle >= 100 else 1
    return f"{middle:,.{digits}f}{unit} ({least:,.{digits}f}–{most:,.{digits}f})"
