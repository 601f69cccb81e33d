"""Matomo, by its bulk tracking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

import httpx
import msgspec
from pydantic import BeforeValidator
from pydantic import Field as OptionField

from analytics_internal.forward.destination import (
    Batch,
    Destination,
    Limits,
    ReceiverUnavailable,
    Refusal,
    Undeliverable,
    answer_of,
)
from analytics_internal.forward.destinations.visits import (
    SEARCH,
    Field,
    PortalUrl,
    address_of,
    field_of,
    happened_at,
    is_page_view,
    visitor_hash,
)
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.secret import Secret
from analytics_internal.forward.web import WebOptions, WebReceiver

REQUEST_EVENTS = 200
YOUNG = timedelta(days=1)
OLDEST = timedelta(days=10 * 365)
# An event must not become too old on its way.
ON_ITS_WAY = timedelta(minutes=1)
USER_LENGTH = 200
ONE_BY_ONE_S = 240.0
"""How long it may take to send the events of a request once more, one by one."""
NO_PLUGIN = "portal"
_encoder = msgspec.json.Encoder()


def _with_text_keys(value: object) -> object:
    """YAML has numbers as keys, JSON has texts."""
    return {str(key): field for key, field in value.items()} if isinstance(value, dict) else value


Number = Annotated[str, OptionField(pattern=r"^[1-9]\d{0,5}$")]


class MatomoOptions(WebOptions):
    """``url`` is that of the installation, or of its ``matomo.php`` or ``piwik.php``."""

    site_id: int = OptionField(gt=0)
    token_auth: Secret | None = None
    """Of a user with write permission for the site, and better of a super user."""
    portal_url: PortalUrl
    """Matomo's reports have whole addresses."""
    dimensions: Annotated[dict[Number, Field], BeforeValidator(_with_text_keys)] = OptionField(default_factory=dict)
    """Custom dimensions by their id: the field of the event that each gets."""
    timeout_s: float = OptionField(default=120, gt=0, le=600)
    """What Matomo stores after that counts twice: better wait for a slow one."""


class _Answer(msgspec.Struct):
    status: str
    tracked: int
    invalid: int = 0
    invalid_indices: list[int] | None = None
    message: str = ""


class Matomo(Destination[MatomoOptions]):
    """Page views, searches and events of one site.

    Matomo publishes no limit of a request; its own log importer sends 200 events at once. Events older than a day need
    ``token_auth`` (``tracking_requests_require_authentication_when_custom_timestamp_newer_than`` in its settings), and
    those older than ten years it would record as of now: both are dead letters. It stores a bulk request in one
    transaction, answers 200, and says in the answer which events it refused; since Matomo 3 to tokens of super users,
    to others only how many.

    Matomo counts what is sent twice twice, as it knows no ids. Events are sent again only when its answer is missing or
    says that some were neither tracked nor invalid (it skips an event when it waits too long for a lock), and when it
    refuses some of a request without saying which.
    """

    Options = MatomoOptions

    def __init__(self, name: str, options: MatomoOptions, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self.limits = Limits(
            events=REQUEST_EVENTS, bytes=1 << 20, bytes_between=4, send_s=options.timeout_s + ONE_BY_ONE_S
        )
        self._receiver = WebReceiver.of(options)

    async def open(self) -> None:
        await self._receiver.open()

    async def close(self) -> None:
        await self._receiver.close()

    def encode(self, event: Outgoing) -> bytes:
        """The event as a query string. Raises Undeliverable: Matomo takes nothing so old."""
        age = datetime.now(UTC) - event.occurred_at + ON_ITS_WAY
        if age > OLDEST:
            raise Undeliverable("too_old", "Matomo records events of more than ten years ago as of now")
        if age > YOUNG and self.options.token_auth is None:
            raise Undeliverable("too_old", "Matomo takes events older than a day only with token_auth")
        return urlencode(list(self._parameters(event))).encode()

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        answer, said, status = await self._track(batch.encoded)
        count = len(batch.encoded)
        if not answer.invalid:
            return []
        if answer.invalid >= count:
            await self._require_our_site(batch.events)
        refused = answer.invalid_indices if answer.invalid < count else list(range(count))
        if refused is None or len(set(refused)) != answer.invalid or not all(0 <= one < count for one in refused):
            refused = await self._found_one_by_one(batch.encoded)
        return [Refusal(index, "Matomo calls the event invalid", status=status, answer=said) for index in refused]

    async def _found_one_by_one(self, encoded: Sequence[bytes]) -> list[int]:
        """Which events Matomo refuses, when it does not say it: each is sent alone."""
        return [index for index, one in enumerate(encoded) if (await self._track([one]))[0].invalid]

    async def _require_our_site(self, events: Sequence[Outgoing]) -> None:
        """Find out whether all events are refused for a reason that is not theirs.

        Asks with the heartbeat of a visit that there is not, which Matomo checks like an event but does not record.

        Raises:
            ReceiverUnavailable: the site is unknown, or the token is not accepted.
        """
        now = datetime.now(UTC)
        at = [("cdt", str(int((now - YOUNG * 1.5).timestamp())))]
        is_old = any(now - event.occurred_at > YOUNG for event in events)
        ask = [*self._site(), ("ping", "1"), ("cid", "0" * 15 + "1"), *(at if is_old else [])]
        answer, said, status = await self._track([urlencode(ask).encode()])
        if answer.invalid:
            token = ", or does not accept token_auth for it (write permission is needed)" if is_old else ""
            raise ReceiverUnavailable(
                f"Matomo does not know site {self.options.site_id}{token}", status=status, answer=said
            )

    async def _track(self, encoded: Sequence[bytes]) -> tuple[_Answer, str, int]:
        """Send requests at once. Returns Matomo's answer, also as text, and its status.

        Raises:
            ReceiverUnavailable: nothing was tracked, or some were neither tracked nor refused.
        """
        token = self.options.token_auth.read() if self.options.token_auth is not None else None
        body = _encoder.encode({"requests": [f"?{one.decode()}" for one in encoded], "token_auth": token or ""})
        response = await self._receiver.post(
            body, {"content-type": "application/json"}, url=self._address(), secrets=[token or ""]
        )
        said = answer_of(response.content)
        if token is not None:
            said = said.replace(token, "•••")
        status = response.status_code
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except (msgspec.DecodeError, UnicodeError):
            raise ReceiverUnavailable(
                "the answer is not that of Matomo's bulk tracking: check the url, and that the plugin BulkTracking is "
                "active",
                status=status,
                answer=said,
            ) from None
        if answer.status != "success":
            raise ReceiverUnavailable(f"Matomo failed: {answer.message or answer.status}", status=status, answer=said)
        if answer.tracked + answer.invalid < len(encoded):
            raise ReceiverUnavailable(
                f"Matomo skipped {len(encoded) - answer.tracked - answer.invalid} of {len(encoded)} events",
                status=status,
                answer=said,
            )
        return answer, said, status

    def _address(self) -> httpx.URL:
        url = self._receiver.url()
        return url if url.path.endswith(".php") else url.copy_with(path=f"{url.path.rstrip('/')}/matomo.php")

    def _site(self) -> list[tuple[str, str]]:
        # `bots`: Matomo must not take this service for a robot.
        return [("idsite", str(self.options.site_id)), ("rec", "1"), ("apiv", "1"), ("bots", "1")]

    def _parameters(self, event: Outgoing) -> Iterator[tuple[str, str]]:
        yield from self._site()
        yield "rand", event.id.hex
        yield "cdt", str(int(happened_at(event).timestamp()))
        yield "cid", visitor_hash(event, 8).hex()
        if event.user is not None:
            yield "uid", event.user[:USER_LENGTH]
        yield "url", address_of(event, self.options.portal_url) or self.options.portal_url
        if is_page_view(event):
            yield "action_name", event.subject
        elif event.action == SEARCH and event.subject.strip():
            yield "search", event.subject
            if types := (event.context or {}).get("searchTypes"):
                yield "search_cat", str(types)
            if event.value is not None and event.value >= 0:
                yield "search_count", str(int(event.value))
        else:
            yield "ca", "1"  # without the plugin Events it would become a page view
            yield "e_c", event.plugin or NO_PLUGIN
            yield "e_a", event.action.strip() or "other"
            if event.subject:
                yield "e_n", event.subject
            if event.value is not None:
                yield "e_v", _number(event.value)
        for number, name in self.options.dimensions.items():
            if (value := field_of(event, name)) is not None:
                yield f"dimension{number}", str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
