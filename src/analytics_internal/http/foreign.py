"""Errors of libraries, each as one of our own. The only place that knows both."""

from __future__ import annotations

import asyncpg
import structlog
from starlette.exceptions import HTTPException

from analytics_internal.errors import HttpProblem, InternalError, MethodNotAllowed, NotFound
from analytics_internal.log import TRANSIENT_ERRORS, LogUnavailable
from analytics_internal.reader import OutOfMemory

DATABASE_ERRORS = (*TRANSIENT_ERRORS, asyncpg.PostgresError)
EXPECTED = (HTTPException, MemoryError, *DATABASE_ERRORS)

log = structlog.get_logger(__name__)


def as_problem(error: Exception) -> HttpProblem:
    """What a caller is told of an error. Ours stay as they are; an unknown one is logged and told without its text."""
    match error:
        case HttpProblem():
            return error
        case HTTPException():
            return _of_starlette(error)
        case MemoryError():
            return OutOfMemory(str(error))
    if isinstance(error, DATABASE_ERRORS):
        log.error("log unavailable", error=repr(error))
        return LogUnavailable("the database did not answer")
    log.error("unexpected error", exc_info=error)
    return InternalError("the log of the service has the details")


def _of_starlette(error: HTTPException) -> HttpProblem:
    known: dict[int, type[HttpProblem]] = {404: NotFound, 405: MethodNotAllowed}
    problem = known.get(error.status_code, InternalError)(error.detail)
    problem.status = error.status_code
    problem.headers = tuple((error.headers or {}).items())
    return problem
