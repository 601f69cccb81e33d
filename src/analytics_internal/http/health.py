"""What operators ask: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from typing import Literal

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from analytics_internal.http.requests import service_of


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["alive"]


class Readiness(msgspec.Struct, frozen=True):
    """Whether an event could be stored now, and what each check found: `ok`, or what is missing."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str]


async def alive(_: Request) -> Response:
    """``GET /healthz``: the process answers."""
    return Response(msgspec.json.encode(Alive("alive")), media_type="application/json")


async def ready(request: Request) -> Response:
    """``GET /readyz``: an event could be stored now. 503 with what is missing when not."""
    checks = await service_of(request).readiness.checks()
    is_ready = set(checks.values()) == {"ok"}
    readiness = Readiness("ready" if is_ready else "not ready", checks)
    return Response(msgspec.json.encode(readiness), 200 if is_ready else 503, media_type="application/json")


async def metrics(_: Request) -> Response:
    """``GET /metrics``: for Prometheus. No names of people or items are in it."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
