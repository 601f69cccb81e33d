"""Split a JSON text into its parts without parsing them, whatever their depth. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

from analytics_internal.errors import AnalyticsError

# The last alternative's quote begins a text that does not end: without it every later quote would be tried as a start.
_token = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},"]', re.DOTALL)
_key = re.compile(rb'\s*+("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*+:', re.DOTALL)
_closing = {b"{": b"}", b"[": b"]"}


class NotDivisible(AnalyticsError, ValueError):
    """The text is not a JSON object or list; the message says why."""


def members(text: bytes) -> dict[str, bytes]:
    """The text of each value of a JSON object by name; of a repeated name the last. Values are not checked.

    Raises:
        NotDivisible: the text is not an object.
    """
    found: dict[str, bytes] = {}
    for part in _parts(text, b"{"):
        key = _key.match(part)
        if key is None:
            raise NotDivisible("a field of an object has no name")
        found[_name(key[1])] = part[key.end() :].strip()
    return found


def elements(text: bytes, most: int) -> list[bytes]:
    """The text of each value of a JSON list, at most the first ``most``. Raises as ``members``."""
    return [part.strip() for part in islice(_parts(text, b"["), most)]


def _parts(text: bytes, opening: bytes) -> Iterator[bytes]:
    """The texts between the commas of an object or a list."""
    text = text.strip()
    if not text.startswith(opening):
        raise NotDivisible(f"it does not begin with {opening.decode()}")
    open_: list[bytes] = []
    start = 1
    for token in _token.finditer(text):
        mark = token[0]
        if mark in _closing:
            open_.append(_closing[mark])
        elif mark == b'"':
            raise NotDivisible("a text does not end")
        elif mark in (b"}", b"]"):
            if not open_ or open_.pop() != mark:
                raise NotDivisible(f"{mark.decode()} closes nothing (byte {token.start()})")
            if not open_:
                if text[token.end() :]:
                    raise NotDivisible(f"more follows on its end (byte {token.end()})")
                if start > 1 or text[start : token.start()].strip():
                    yield text[start : token.start()]
                return
        elif mark == b"," and len(open_) == 1:
            yield text[start : token.start()]
            start = token.end()
    raise NotDivisible("it does not end")


def _name(text: bytes) -> str:
    try:
        return str(json.loads(text.decode("utf-8", "replace")))
    except ValueError as error:
        raise NotDivisible(f"the name of a field is no JSON: {error}") from error
