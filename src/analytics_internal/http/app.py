"""The HTTP application: which address leads to which route."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from analytics_internal.http import compat, destinations, export, health, ingest, integration, problems, query, segments
from analytics_internal.http.bodies import ReadToTheEnd
from analytics_internal.http.connected import WhileConnected
from analytics_internal.http.loopback import LoopbackOnly
from analytics_internal.http.openapi import openapi
from analytics_internal.http.state import Service
from analytics_internal.web_address import origin_of

Endpoint = Callable[[Request], Awaitable[Response]]
PREFIX = "/api/analytics-internal"
EVENTS = f"{PREFIX}/events"
# Only for large answers; the answers to events are smaller than a network packet.
ZIPPED = [Middleware(GZipMiddleware, minimum_size=1_400, compresslevel=6)]
PAGE = Path(__file__).parent / "page"


def make_app(service: Service) -> ASGIApp:
    """The application of one service, whose parts are running."""
    router = Starlette(
        routes=routes(),
        exception_handlers={Exception: problems.handle, **dict.fromkeys(problems.EXPECTED, problems.handle)},
    )
    router.state.service = service
    router.router.redirect_slashes = False
    app: ASGIApp = EventsFirst(ReadToTheEnd(problems.ErrorsAreAnswers(router)), service)
    portal_url = service.settings.portal_url
    portal_origin = origin_of(portal_url) if portal_url is not None else None
    if portal_origin is not None:
        # Without the bridge the browser talks to us from the portal's own origin (`discovery.endpoints`).
        app = CORSMiddleware(
            app,
            allow_origins=[portal_origin],
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            # Any header: the portal's tracing adds some to every request (`traceparent`, `baggage`).
            allow_headers=["*"],
            expose_headers=["retry-after", "link", "x-log-position"],
        )
    if service.settings.auth == "none":
        app = LoopbackOnly(app, portal_origin)
    return app


def routes() -> list[Route | Mount]:
    """Every address but `POST /events`, which `EventsFirst` takes."""
    # No redirects to addresses without a last slash: they would name this service's host, which clients of the bridge
    # cannot reach.
    api = Mount(PREFIX, app=Router(_api(), redirect_slashes=False), middleware=[Middleware(WhileConnected)])
    return [api, *_operations(), *_pages()]


class EventsFirst:
    """Takes ``POST /events`` before the router and its middlewares."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == EVENTS:
            await ingest.ingest(self._service, scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _api() -> list[Route]:
    return [
        Route("/events", export.export, methods=["GET", "POST"]),  # POST is here for the 405 only: EventsFirst takes it
        Route("/query", _by_method(GET=query.ask_by_link, POST=query.ask), methods=["GET", "POST"], middleware=ZIPPED),
        Route("/configuration", query.configuration, methods=["GET"]),
        Route("/segments", _by_method(GET=segments.segments, POST=segments.make), methods=["GET", "POST"]),
        Route(
            "/segments/{id}",
            _by_method(GET=segments.segment, PUT=segments.change, DELETE=segments.delete),
            methods=["GET", "PUT", "DELETE"],
        ),
        Route("/destinations", destinations.destinations, methods=["GET"], middleware=ZIPPED),
        *(
            Route(f"/destinations/{{name}}/{action}", to, methods=["POST"])
            for action, to in destinations.ACTIONS.items()
        ),
        Route("/destinations/{name}/dead-letters", destinations.dead_letters, methods=["GET"], middleware=ZIPPED),
        Route("/analytics", compat.items, methods=["GET"], middleware=ZIPPED),
        Route("/analytics/{id}", compat.item, methods=["GET"]),
        Route("/top-users", compat.top_users, methods=["GET"]),
        Route(f"{integration.WELL_KNOWN}/metadata", integration.metadata, methods=["GET"]),
        Route(f"{integration.WELL_KNOWN}/apply-conditions", integration.apply_conditions, methods=["POST"]),
        Route("/openapi.json", openapi, methods=["GET"]),
    ]


def _by_method(**endpoints: Endpoint) -> Endpoint:
    """One address for several methods, so that a 405 names all of them."""

    async def endpoint(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return endpoint


def _operations() -> list[Route]:
    return [
        Route("/healthz", health.alive, methods=["GET"]),
        Route("/readyz", health.ready, methods=["GET"]),
        Route("/metrics", health.metrics, methods=["GET"]),
        Route("/openapi.json", openapi, methods=["GET"]),
    ]


def _pages() -> list[Route | Mount]:
    if not (PAGE / "index.html").is_file():
        return [Route("/", _page_not_built, methods=["GET"])]
    return [
        Route("/", _html("index.html"), methods=["GET"]),
        Route("/destinations", _html("index.html"), methods=["GET"]),
        # The same page; its scripts' addresses are relative to one level further down.
        Route("/items/{id:int}", _html("items/index.html"), methods=["GET"]),
        Route("/api.html", _html("api.html"), methods=["GET"]),
        Mount("/assets", Assets(directory=PAGE / "assets"), middleware=ZIPPED),
        Mount("/", StaticFiles(directory=PAGE)),
    ]


class Assets(StaticFiles):
    """Files named by their content: they never change."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _html(name: str) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        # The page names its scripts by their content: only the page itself is fetched anew each time.
        return FileResponse(PAGE / name, headers={"Cache-Control": "no-cache", **SECURITY_HEADERS})

    return endpoint


async def _page_not_built(_: Request) -> Response:
    text = "The page is not built. `make install` builds it; the API works without it.\n"
    return Response(text, media_type="text/plain")


SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
