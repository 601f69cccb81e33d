"""The named statements of ``statements.sql``."""

from __future__ import annotations

import re
from pathlib import Path

_name_line = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load(file: Path) -> dict[str, str]:
    """Statements by name. Comments stay: they help in PostgreSQL's own logs."""
    parts = _name_line.split(file.read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


SQL = load(Path(__file__).with_name("statements.sql"))
