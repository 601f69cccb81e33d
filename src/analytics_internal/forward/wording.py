"""What is wrong with a destination's configuration, in plain words and without its values: they may be secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from analytics_internal.masking import masked_text

# Keys look like this, secrets do not.
_plain_name = re.compile(r"[A-Za-z][A-Za-z_.-]{0,39}|[a-z][a-z0-9_.-]{0,23}")
_whole = "must be a whole number"
_number = "must be a number"
_switch = "must be true or false"
_names = "must be fields by name"
_sequence = "must be a list"
# By pydantic's names of errors; {} are its own parameters.
_WORDS = {
    "missing": "is required",
    "string_type": "must be a text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "int_type": _whole,
    "int_parsing": _whole,
    "int_from_float": _whole,
    "float_type": _number,
    "float_parsing": _number,
    "finite_number": _number,
    "bool_type": _switch,
    "bool_parsing": _switch,
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "dict_type": _names,
    "model_type": _names,
    "model_attributes_type": _names,
    "mapping_type": _names,
    "list_type": _sequence,
    "tuple_type": _sequence,
    "set_type": _sequence,
    "frozen_set_type": _sequence,
    "too_short": "must have at least {min_length}",
    "too_long": "must have at most {max_length}",
    "none_required": "must be left out",
}


def lines(error: ValidationError, given: Mapping[str, object], allowed: Sequence[str]) -> Iterator[str]:
    """One line for each field that is wrong: its name, and what it must be. ``allowed``: the fields that there are."""
    requirements: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False, include_input=False):
        field = _field(detail, given)
        said = requirements.setdefault(field, [])
        # A field of several types has an error for each.
        if (requirement := _requirement(detail, field, allowed)) not in said:
            said.append(requirement)
    for field, said in requirements.items():
        text = " or ".join([said[0], *(one.removeprefix("must ") for one in said[1:])])
        # What is wrong with several fields together names them itself.
        yield masked_text(f"{field}: {text}" if field else text)


def _requirement(detail: ErrorDetails, field: str, allowed: Sequence[str]) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        if "." in field:
            return "unknown"
        similar = get_close_matches(field, allowed, 1, 0.6)
        return "unknown; " + (f"did you mean {similar[0]}?" if similar else f"allowed are {', '.join(allowed)}")
    if kind in _WORDS:
        return _WORDS[kind].format_map({name: _shown(value) for name, value in detail.get("ctx", {}).items()})
    if kind == "not_allowed":
        return detail["msg"]
    # A type's own validator: its text is its author's, and may quote the value.
    if kind in ("value_error", "assertion_error"):
        return detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return re.sub(r"^(Input|Value|String|List|URL) should ", "must ", detail["msg"]).partition(",")[0]


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _field(detail: ErrorDetails, given: Mapping[str, object]) -> str:
    """The field's name as it is written, with a dot before each inner one: pydantic names its own types as well."""
    names: list[str] = []
    value: object = given
    last = detail["loc"][-1] if detail["loc"] else None
    for part in detail["loc"]:
        found, value = _inner(value, part)
        if found or (detail["type"] == "missing" and part == last) or not names:
            names.append(_as_name(part))
    return ".".join(names)


def _inner(value: object, part: int | str) -> tuple[bool, object]:
    """What a value has at a place, and whether it has that place; else the value itself."""
    if isinstance(value, Mapping):
        return (True, value[part]) if part in value else (False, value)
    if isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
        return True, value[part]
    return False, value


def _as_name(part: int | str) -> str:
    return str(part + 1) if isinstance(part, int) else as_name(part)


def as_name(text: str) -> str:
    """A key or a name that nobody knows, as it may be shown: it could be a secret in the wrong place."""
    return text if _plain_name.fullmatch(text) else "•••••• (no name of anything)"
