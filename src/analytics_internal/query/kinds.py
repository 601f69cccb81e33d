"""The kinds of questions: a body is read as what its `kind` says, without one as a breakdown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec

from analytics_internal.errors import Problem
from analytics_internal.query.journeys import KINDS, WireJourney, check_journey, decode_journey
from analytics_internal.query.language import InvalidQuery, Query, Segment
from analytics_internal.query.parse import check, decode, shortened
from analytics_internal.query.wire import WireQuery

BREAKDOWN = "breakdown"
WireQuestion = WireQuery | WireJourney


class _Kind(msgspec.Struct):
    kind: object = BREAKDOWN


_decoder = msgspec.json.Decoder(_Kind)


def parse_question(body: bytes, allow_no_limit: bool = False) -> tuple[Query, WireQuestion]:
    """Read a question of any kind without segments.

    Returns it checked, and as it was written with the defaults filled in, to be echoed. Raises as ``decode_question``
    and ``check_question``.
    """
    wire = decode_question(body)
    return check_question(wire, allow_no_limit), wire


def decode_question(body: bytes) -> WireQuestion:
    """The wire form of a question. Raises InvalidQuery."""
    try:
        kind = _decoder.decode(body).kind
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kind = BREAKDOWN  # whose form says what is wrong with the body
    if kind == BREAKDOWN:
        return decode(body)
    if kind not in KINDS:
        raise InvalidQuery(Problem("kind", f"unknown: {shortened(kind)}", [BREAKDOWN, *KINDS]))
    return decode_journey(body, str(kind))


def check_question(
    wire: WireQuestion, allow_no_limit: bool = False, segments: Mapping[UUID, Segment] | None = None
) -> Query:
    """Check a question, and fill its default order in.

    Raises:
        InvalidQuery: with every problem found, what is allowed named.
    """
    if isinstance(wire, WireQuery):
        return check(wire, allow_no_limit, segments)
    return check_journey(wire, allow_no_limit, segments)
