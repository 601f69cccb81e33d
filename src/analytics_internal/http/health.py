"""What operators ask: is it alive, is it ready, how is it doing."""

from __future__ import annotations

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from analytics_internal.http.requests import service_of


async def alive(_: Request) -> Response:
    """``GET /healthz``: the process answers."""
    return Response(b'{"status":"alive"}', media_type="application/json")


async def ready(request: Request) -> Response:
    """``GET /readyz``: an event could be stored now. 503 with what is missing when not."""
    checks = await service_of(request).readiness.checks()
    is_ready = set(checks.values()) == {"ok"}
    body = msgspec.json.encode({"status": "ready" if is_ready else "not ready", "checks": checks})
    return Response(body, 200 if is_ready else 503, media_type="application/json")


async def metrics(_: Request) -> Response:
    """``GET /metrics``: for Prometheus. No names of people or items are in it."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
