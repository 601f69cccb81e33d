"""One spelling of texts that browsers, libraries and people spell in several ways. Pure.

Percent-encoding is decoded and accents are composed (Unicode's NFC), so that one page is one path.
"""

from __future__ import annotations

import re
from unicodedata import normalize

# Decoded, these would become separators, the end of the path, new escapes, or text that cannot be stored.
KEPT_ENCODED = frozenset("/\\?#%\x7f") | frozenset(map(chr, range(0x20)))

_escapes = re.compile(r"((?:%[0-9A-Fa-f]{2})+)")
_hex = re.compile(r"[0-9A-Fa-f]")
_begun_escape = re.compile(r"%[0-9A-Fa-f]?\Z")


def composed(text: str) -> str:
    """The text with its accents composed, so that texts that look the same are the same."""
    return text if text.isascii() else normalize("NFC", text)


def decoded(text: str) -> str:
    """The text with its percent-encoding decoded and its accents composed. Decoding twice changes nothing.

    Invalid UTF-8 stays as it is. Separators and control characters stay encoded, in capitals.
    """
    if "%" not in text:
        return composed(text)
    pieces: list[str] = []
    plain = ""
    for number, piece in enumerate(_escapes.split(text)):
        if number % 2 == 0:
            plain += piece
            continue
        for character, escape in _characters(piece):
            # After a lone percent sign, a decoded digit must not complete a new escape.
            if character is None or (_hex.match(character) and _begun_escape.search(plain[-2:])):
                pieces += [composed(plain), escape]
                plain = ""
            else:
                plain += character
    return "".join([*pieces, composed(plain)])


def _characters(escapes: str) -> list[tuple[str | None, str]]:
    """Each character of a run of escapes, with its escapes; None for a character that stays encoded."""
    data = bytes.fromhex(escapes.replace("%", ""))
    found: list[tuple[str | None, str]] = []
    start = 0
    while start < len(data):
        character, length = _character(data[start : start + 4])
        escape = escapes[3 * start : 3 * (start + length)]
        if character in KEPT_ENCODED:
            character, escape = None, escape.upper()
        found.append((character, escape))
        start += length
    return found


def _character(data: bytes) -> tuple[str | None, int]:
    """The first character of some bytes and its length in bytes; None and 1 if it is not UTF-8."""
    length = 1 if data[0] < 0x80 else 2 if data[0] < 0xE0 else 3 if data[0] < 0xF0 else 4
    try:
        return data[:length].decode(), length
    except UnicodeDecodeError:
        return None, 1
