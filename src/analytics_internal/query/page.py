"""One page of an answer, and the cursors that lead to the others."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from analytics_internal.errors import Problem
from analytics_internal.query.kinds import WireQuestion
from analytics_internal.query.language import MAX_POSITION, InvalidQuery, Segment


class NotACursor(InvalidQuery):
    """The cursor was not made by us, or was changed since."""

    def __init__(self) -> None:
        super().__init__(Problem("cursor", "is none of ours: use meta.next_cursor or meta.previous_cursor"))


class Page(msgspec.Struct, frozen=True):
    """What a cursor holds: the moment and the position that its pages answer for, and how many rows come before.

    ``log`` is the state of the log that has the position: text that says which, None until it is needed.
    """

    fingerprint: str
    asked_at: datetime
    position: int
    offset: int
    log: str | None = None


def fingerprint_of(wire: WireQuestion, zone: ZoneInfo, segments: Sequence[Segment]) -> str:
    """Text that is another one for another question, also where only a segment in it has changed."""
    changes = sorted((str(one.id), one.changed_at) for one in segments)
    asked = msgspec.json.encode((msgspec.structs.replace(wire, cursor=None), zone.key, changes))
    return base64.urlsafe_b64encode(hashlib.blake2b(asked, digest_size=9).digest()).decode()


def cursor_for(page: Page, offset: int) -> str:
    return (
        base64.urlsafe_b64encode(msgspec.json.encode(msgspec.structs.replace(page, offset=offset))).decode().rstrip("=")
    )


def page_of(cursor: str, fingerprint: str) -> Page:
    try:
        page = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=Page)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise NotACursor from error
    if page.fingerprint != fingerprint:
        raise InvalidQuery(Problem("cursor", "belongs to another question, or a segment in it was changed since"))
    if not (0 <= page.offset <= MAX_POSITION and 0 <= page.position <= MAX_POSITION):
        raise NotACursor
    if page.asked_at.tzinfo is None or not 1971 <= page.asked_at.year <= 2200:
        raise NotACursor
    return page
