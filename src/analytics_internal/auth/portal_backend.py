"""Requests to the portal's backend, retried for a few seconds."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import stamina
import structlog

from analytics_internal.errors import TryLater
from analytics_internal.masking import masked_text, masked_url

TIMEOUT_S = 5.0
ATTEMPTS = 3
PATIENCE_S = 6.0

log = structlog.get_logger(__name__)


class PortalUnavailable(TryLater):
    kind, title, retry_after_s = "portal-unavailable", "The portal did not answer", 1


class PortalBackend:
    """The backend of one portal. Close it."""

    def __init__(self, url: str, client: httpx.AsyncClient | None = None) -> None:
        self._url = httpx.URL(url)
        # Redirects are not followed: a caller's token goes to this address and to no other.
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)

    def shown(self, path: str) -> str:
        """The address of a path for logs and messages, without secrets."""
        return masked_url(str(self._at(path)))

    def _at(self, path: str) -> httpx.URL:
        # A path alone: what is asked for stays out of logs.
        return self._url.copy_with(path=self._url.path.rstrip("/") + path)

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, token: str | None = None, query: Mapping[str, str] | None = None) -> httpx.Response:
        """The portal's response, whatever its status below 500.

        Raises:
            PortalUnavailable: it does not answer, or answers with 500 or above.
        """
        return await self._answer("GET", path, token, None, query)

    async def post(self, path: str, token: str, body: object) -> httpx.Response:
        """As ``get``, for a request in JSON that changes nothing and may be retried."""
        return await self._answer("POST", path, token, body)

    async def _answer(
        self, method: str, path: str, token: str | None, body: object, query: Mapping[str, str] | None = None
    ) -> httpx.Response:
        url = self._at(path)
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        try:
            async for attempt in stamina.retry_context(
                on=httpx.HTTPError, attempts=ATTEMPTS, timeout=PATIENCE_S, wait_initial=0.1
            ):
                with attempt:
                    response = await self._client.request(method, url, headers=headers, json=body, params=query)
                    if response.is_server_error:
                        response.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.error("the portal does not answer", url=self.shown(path), error=masked_text(repr(error)))
            raise PortalUnavailable(f"the portal did not answer at {self.shown(path)}") from error
        return response
