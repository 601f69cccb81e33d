"""Google Analytics 4, by its Measurement Protocol."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import httpx
import msgspec
from pydantic import Field

from analytics_internal.forward.destination import Batch, DeliveryError, Destination, Limits, Refusal, Undeliverable
from analytics_internal.forward.destinations.visits import (
    SEARCH,
    PortalUrl,
    address_of,
    happened_at,
    is_page_view,
    own_fields,
    session_start_s,
    visitor_hash,
)
from analytics_internal.forward.outgoing import Outgoing, Scalar
from analytics_internal.forward.secret import Secret
from analytics_internal.forward.web import WebOptions, WebReceiver, WebUrl

# https://developers.google.com/analytics/devguides/collection/protocol/ga4/sending-events#limitations
REQUEST_EVENTS = 25
REQUEST_BYTES = 130_000
PARAMETERS = 25
NAME_LENGTH = 40
VALUE_LENGTH = 100
VALUE_LENGTH_360 = 500
# https://support.google.com/analytics/answer/9267744: these values may be longer than others.
LONGER_VALUES = {"page_location": 1_000, "page_title": 300}
OLDEST = timedelta(hours=72)
# An event must not become too old on its way.
ON_ITS_WAY = timedelta(minutes=1)
# https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference#reserved_names
RESERVED_EVENTS = frozenset(
    re.findall(
        r"\w+",
        """
    ad_activeview ad_click ad_exposure ad_impression ad_query ad_reward adunit_exposure app_clear_data app_exception
    app_install app_remove app_store_refund app_update app_upgrade dynamic_link_app_open dynamic_link_app_update
    dynamic_link_first_open error first_open first_visit in_app_purchase notification_dismiss notification_foreground
    notification_open notification_receive notification_send os_update screen_view session_start user_engagement
    """,
    )
)
RESERVED_PREFIXES = ("_", "firebase_", "ga_", "google_", "gtag.")
BATCH_EVENTS = 250
REQUESTS_S = 120.0
"""How long the requests of a batch may take: of as many visitors as it has events, at most."""
_ENVELOPE_BYTES = 2_000
_PATH = "mp/collect"
_JSON = {"content-type": "application/json"}
_not_of_a_name = re.compile(r"[^A-Za-z0-9_]+")
_encoder = msgspec.json.Encoder()


class Ga4Options(WebOptions):
    """Where events go, and how they are shown there."""

    url: WebUrl = WebUrl("https://www.google-analytics.com")
    """In the EU: https://region1.google-analytics.com"""
    measurement_id: str = Field(pattern=r"^G-[A-Z0-9]{4,20}$")
    api_secret: Secret
    portal_url: PortalUrl | None = None
    """Makes `page_location` of paths."""
    is_360: bool = False
    """A property of Google Analytics 360 takes longer values."""

    def whereto(self) -> str:
        return f"{self.measurement_id} on {super().whereto()}"


class _Message(msgspec.Struct):
    description: str


class _Validation(msgspec.Struct):
    messages: list[_Message] = msgspec.field(name="validationMessages", default_factory=list)


class Ga4(Destination[Ga4Options]):
    """Events of a web stream.

    A request has events of one client, so a batch becomes one request for each 25 events of a visitor. GA4 has no
    order but that of the events' times; those of one visitor are sent in the log's order all the same, and each has
    its position. GA4 answers 2xx to whatever it gets and leaves out what breaks its rules, so all rules are kept here.
    Events older than 72 hours would get a wrong time there: they are dead letters.

    What GA4 has of an event it keeps: it knows no ids. If a request of a batch fails, the ones before it are not sent
    again with the rest; after a crash of the forwarder they are.
    """

    Options = Ga4Options

    def __init__(self, name: str, options: Ga4Options, renamed: dict[str, str] | None = None) -> None:
        super().__init__(name, options, renamed)
        self.limits = Limits(
            events=BATCH_EVENTS,
            bytes=BATCH_EVENTS * REQUEST_BYTES,
            event_bytes=REQUEST_BYTES - _ENVELOPE_BYTES,
            linger_s=1,
            send_s=options.timeout_s + REQUESTS_S,
        )
        self._receiver = WebReceiver.of(options, _PATH)
        self._value_length = VALUE_LENGTH_360 if options.is_360 else VALUE_LENGTH
        self._confirmed: set[int] = set()
        """Positions of failed batches whose requests were answered before that, and that may come again."""

    async def open(self) -> None:
        self.options.api_secret.read()
        await self._receiver.open()

    async def close(self) -> None:
        await self._receiver.close()

    def encode(self, event: Outgoing) -> bytes:
        """The event with its time. Raises Undeliverable: it is older than 72 hours."""
        if event.occurred_at < datetime.now(UTC) - OLDEST + ON_ITS_WAY:
            raise Undeliverable("too_old", f"GA4 takes events of the last 72 hours; this is of {event.occurred_at}")
        return _encoder.encode(
            {
                "name": event_name(event),
                "timestamp_micros": int(happened_at(event).timestamp() * 1_000_000),
                "params": dict(islice(self._parameters(event), PARAMETERS)),
            }
        )

    async def try_out(self, batch: Batch) -> Sequence[Refusal]:
        """Let Google's validation server look at the event first. It does not look at the secret."""
        url = self._address()
        url = url.copy_with(path=f"{url.path.removesuffix(_PATH)}debug/{_PATH}")
        for _, body in _requests(batch, set()):
            strict = body[:-1] + b',"validation_behavior":"ENFORCE_RECOMMENDATIONS"}'
            try:
                response = await self._receiver.post(strict, _JSON, url=url)
                found = msgspec.json.decode(response.content, type=_Validation).messages
            except (DeliveryError, msgspec.DecodeError):
                break  # a collector of somebody else has no such server
            if found:
                return [Refusal(0, "; ".join(one.description for one in found), status=response.status_code)]
        return await self.send(batch)

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        url = self._address()
        positions = {event.position for event in batch.events}
        try:
            for events, body in list(_requests(batch, self._confirmed)):
                await self._receiver.post(body, _JSON, url=url)
                self._confirmed.update(event.position for event in events)
        except BaseException:
            # After a failure batches may be smaller: what comes after this one may be confirmed already.
            self._confirmed = {position for position in self._confirmed if position >= min(positions)}
            raise
        self._confirmed -= positions
        return []

    def _address(self) -> httpx.URL:
        return self._receiver.url().copy_merge_params(
            {"measurement_id": self.options.measurement_id, "api_secret": self.options.api_secret.read()}
        )

    def _parameters(self, event: Outgoing) -> Iterator[tuple[str, str | int | float]]:
        """The event's parameters, the more important ones first."""
        yield "session_id", str(session_start_s(event))
        yield "engagement_time_msec", 1  # without it no report shows the person as active
        if (address := address_of(event, self.options.portal_url)) is not None:
            yield "page_location", address[: LONGER_VALUES["page_location"]]
        if is_page_view(event):
            yield "page_title", event.subject[: LONGER_VALUES["page_title"]]
        if event.action == SEARCH:
            yield "search_term", self._cut(event.subject)
        elif event.action != event_name(event) and not is_page_view(event):
            yield "action", self._cut(event.action)
        for name, value in own_fields(event):
            yield name, self._cut(value)
        yield "event_id", str(event.id)
        yield "log_position", event.position
        for part, fields in (("attribute", event.attributes), ("context", event.context)):
            for name, value in sorted((fields or {}).items()):
                if value is not None and value != "":
                    yield _name(f"{part}_{name}"), self._cut(value)

    def _cut(self, value: Scalar) -> str | int | float:
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if isinstance(value, int | float) else str(value)[: self._value_length]


def client_id(event: Outgoing) -> str:
    """The visitor as GA4 names clients: two positive numbers with a point between."""
    digest = visitor_hash(event, 8)
    return ".".join(str(int.from_bytes(half, "big") % 0x7FFF_FFFF + 1) for half in (digest[:4], digest[4:]))


def event_name(event: Outgoing) -> str:
    """GA4's own names for page views and searches; others keep their action, as far as it is allowed there."""
    if is_page_view(event):
        return "page_view"
    if event.action == SEARCH:
        return "search"
    name = _name(event.action)
    if name in RESERVED_EVENTS or not name[:1].isalpha() or name.startswith(RESERVED_PREFIXES):
        name = _name(f"portal_{name.lstrip('_')}")
    return name


def _name(text: str) -> str:
    """A name that GA4 takes: ASCII letters, digits and underscores."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _not_of_a_name.sub("_", plain)[:NAME_LENGTH].rstrip("_") or "other"


def _requests(batch: Batch, confirmed: set[int]) -> Iterator[tuple[list[Outgoing], bytes]]:
    """The requests for a batch: the events of each visitor in order, within the limits of a request.

    Visitors come in the order of their first event. Events that were ``confirmed`` are left out.
    """
    visitors: dict[tuple[str, str | None], list[tuple[Outgoing, bytes]]] = {}
    for event, encoded in zip(batch.events, batch.encoded, strict=True):
        if event.position not in confirmed:
            visitors.setdefault((client_id(event), event.user), []).append((event, encoded))
    for (client, user), pairs in visitors.items():
        envelope = {"client_id": client} | ({"user_id": user} if user is not None else {})
        for part in _parts(pairs):
            events = b",".join(encoded for _, encoded in part)
            yield [event for event, _ in part], _encoder.encode(envelope)[:-1] + b',"events":[' + events + b"]}"


def _parts(pairs: Sequence[tuple[Outgoing, bytes]]) -> Iterator[list[tuple[Outgoing, bytes]]]:
    """As many events at once as a request may have."""
    part: list[tuple[Outgoing, bytes]] = []
    size = _ENVELOPE_BYTES
    for pair in pairs:
        if part and (len(part) == REQUEST_EVENTS or size + len(pair[1]) + 1 > REQUEST_BYTES):
            yield part
            part, size = [], _ENVELOPE_BYTES
        part.append(pair)
        size += len(pair[1]) + 1
    if part:
        yield part
