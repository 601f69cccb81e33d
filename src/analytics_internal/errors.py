"""Every error of this program, in one tree.

The concrete classes stand where they are raised. Others name the base classes: `http/problems.py` answers every
`HttpProblem`, `cli.py` prints every `CommandError`. Private classes, which stay in one file, are not in the tree.

* AnalyticsError
  BrokenFile, CatalogUnavailable, DoesNotEnd, DoesNotStop, HoldLost, HoldsLost, LogChanged, LogEnds, NoKeySet,
  NoPortalToken, NoWebAddress, NotAnEntity, NotDivisible, PositionMoved, Refused, RefusedAddress, SecretMissing,
  Stopped, TasksNotRead, Unattached, Undeliverable, UnknownKey, Unreachable, Unreadable, UnusableDestination,
  UnusableUrl
  * DeliveryError
    BatchRefused, ReceiverGone, ReceiverUnavailable
  * HttpProblem
    BodyTooLarge, DownloadTooLarge, HeadTooLarge, InternalError, InvalidConditions, InvalidEncoding, InvalidRequest,
    LogReplaced, MalformedRequest, MethodNotAllowed, NotABatch, NotAllowed, NotConfigured, NotFound, SegmentExists,
    TooManySegments, TooSlowRequest, Unauthenticated, UnsupportedEncoding
    * InvalidQuery
      NotACursor, TooCostly
    * TryLater
      ClockInDoubt, LogUnavailable, OutOfMemory, Overloaded, PortalUnavailable, SegmentsUnavailable,
      StateUnavailable, TooSlow
      * Busy
        NoRoom
      * ReaderBehind
        Behind, Damaged
  * CommandError
    CannotListen, DataDirInUse, MonthMissing, NoFolder, UnsupportedServer
    * EmbeddedPostgresError
      OtherMajorVersion
    * UnusableSchema
      NewerSchema
    * WrongUse
      InvalidSettings, NotAnExport, NotPossible, NotRunning
      * RemoteError
        OtherLog
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a request."""

    field: str
    detail: str
    allowed: list[str] | None = None


class AnalyticsError(Exception):
    """Any error of this program. Its text is one sentence for whoever gets it."""


class HttpProblem(AnalyticsError):
    """What a caller of the HTTP API is answered, as problem+json; its text is the ``detail``."""

    kind: ClassVar[str]
    """The last part of the problem's type."""
    status: int
    title: ClassVar[str]
    retry_after_s: ClassVar[int | None] = None
    logged_as: ClassVar[str | None] = None
    """Event of the log line for a problem that the operator has to solve."""
    headers: Sequence[tuple[str, str]] = ()
    errors: Sequence[Problem] | None = None


class TryLater(HttpProblem):
    """The same request may succeed later."""

    status = 503
    retry_after_s = 5


class ReaderBehind(TryLater):
    kind, title = "reader-behind", "The reader is still reading the log"


class NotFound(HttpProblem):
    kind, status, title = "not-found", 404, "There is nothing here"


class MethodNotAllowed(HttpProblem):
    kind, status, title = "method-not-allowed", 405, "This address does not take this method"


class InternalError(HttpProblem):
    kind, status, title = "internal-error", 500, "An error on our side"


class CommandError(AnalyticsError):
    """A command cannot do its work: it prints why and what to do, line by line, and ends with ``exit_code``."""

    exit_code: ClassVar[int] = 1

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class WrongUse(CommandError):
    """What the command was given cannot be used."""

    exit_code = 2
