"""An error is an answer like others: the connection goes on to serve."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from analytics_internal.http import problems
from tests.http.test_connection import GET, OK, listening, status_of


async def _fault(_: Request) -> Response:
    raise RuntimeError("a fault of ours")


async def test_after_an_error_of_ours_the_connection_serves_the_next_request() -> None:
    router = Starlette(routes=[Route("/fault", _fault)], exception_handlers={Exception: problems.handle})
    answered = problems.ErrorsAreAnswers(router)
    async with listening() as service:

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await (answered if scope["path"] == "/fault" else service.app)(scope, receive, send)

        service.use(app)
        client = await service.connect()
        await client.send(GET % b"fault")
        head = await client.head()
        assert status_of(head) == 500
        assert b"connection: close" not in head
        await client.send(GET % b"")

        assert OK in await client.answer()
        await client.close()
