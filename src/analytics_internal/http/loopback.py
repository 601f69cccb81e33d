"""A service without authentication answers this machine only: requests from other sites' pages are refused."""

from __future__ import annotations

import functools
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from analytics_internal.auth import NotAllowed
from analytics_internal.http.bodies import Reading, answering
from analytics_internal.http.problems import answer_to
from analytics_internal.listening import is_loopback

API = "/api/"
OPERATIONS = frozenset({"/metrics", "/readyz", "/healthz", "/openapi.json"})
PAGES_ONLY = "without authentication a link from another site leads to the pages only"


class LoopbackOnly:
    """Refuses requests that another site's page makes a browser on this machine send.

    The listener is on loopback, but any web page can send requests there, and a host name that resolves to 127.0.0.1
    can even read the answers (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, portal_origin: str | None = None) -> None:
        self._app = app
        self._portal_origin = portal_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (why := self._why_not(scope, Headers(scope=scope))):
            reading = Reading(receive)
            await answer_to(NotAllowed(why))(scope, reading, answering(scope, reading, send))
        else:
            await self._app(scope, receive, send)

    def _why_not(self, scope: Scope, headers: Headers) -> str | None:
        host = _host_name("//" + headers.get("host", "localhost")[:256])
        if host is None or not is_loopback(host):
            return f"without authentication the service answers to localhost only, not to {host!r}"
        origin = headers.get("origin")
        if origin is None:
            # Browsers send no origin for images, scripts and links.
            is_foreign = headers.get("sec-fetch-site", "").strip().lower() == "cross-site"
            return PAGES_ONLY if is_foreign and not _opens_a_page(scope, headers) else None
        if origin == self._portal_origin or is_loopback(_host_name(origin[:256]) or ""):
            return None
        return f"without authentication pages from {origin[:100]!r} may not call the service"


def _opens_a_page(scope: Scope, headers: Headers) -> bool:
    """Whether a person follows a link to one of our pages: the linking page cannot read the answer."""
    return (
        scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and not scope["path"].startswith(API)
        and scope["path"] not in OPERATIONS
    )


@functools.lru_cache(maxsize=256)  # of at most 256 characters each: some 300 kB
def _host_name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
