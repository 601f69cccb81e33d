"""Search terms in one spelling. Pure."""

from __future__ import annotations

from analytics_internal.event.spelling import decoded


def spelling_of(term: str) -> str:
    """A search term as it is shown: decoded, without white space around it, and with one space for any within."""
    return " ".join(decoded(term).split())


def folded(term: str) -> str:
    """What two search terms have in common that differ in case, white space and encoding only.

    Empty where nothing was typed.
    """
    found = term
    while (next_ := spelling_of(found).casefold()) != found:  # in small letters a term may be an encoding again
        found = next_
    return found
