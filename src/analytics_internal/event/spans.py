"""Where the parts of a JSON text stand, found without descending into them: however deep they are nested. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

# The lone quote is of a text that does not end: without it every quote behind it would be tried as a beginning.
_token = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},"]', re.DOTALL)
_key = re.compile(rb'\s*+("[^"\\]*+(?:\\.[^"\\]*+)*+")\s*+:', re.DOTALL)
_closing = {b"{": b"}", b"[": b"]"}


class NotDivisible(ValueError):
    """The text is no JSON object or list; the message says why."""


def members(text: bytes) -> dict[str, bytes]:
    """The text of each value of a JSON object, by its name; of a name that is given twice the last one.

    Raises:
        NotDivisible: the text is no object. What the values are is not looked at.
    """
    found: dict[str, bytes] = {}
    for part in _parts(text, b"{"):
        key = _key.match(part)
        if key is None:
            raise NotDivisible("a field of an object has no name")
        found[_name(key[1])] = part[key.end() :].strip()
    return found


def elements(text: bytes, most: int) -> list[bytes]:
    """The text of each value of a JSON list, under the terms of ``members``; not looked at beyond ``most`` of them."""
    return [part.strip() for part in islice(_parts(text, b"["), most)]


def _parts(text: bytes, opening: bytes) -> Iterator[bytes]:
    """What stands between the commas of an object or a list."""
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
