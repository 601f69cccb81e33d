"""Search terms in one spelling. Pure."""

from __future__ import annotations

from analytics_internal.event.spelling import decoded


def spelling_of(term: str) -> str:
    """A search term as shown: decoded, trimmed, with single spaces."""
    return " ".join(decoded(term).split())


def folded(term: str) -> str:
    """A search term without differences of case, white space and encoding; empty if nothing was typed."""
    found = term
    while (next_ := spelling_of(found).casefold()) != found:  # the result may be percent-encoded again
        found = next_
    return found
