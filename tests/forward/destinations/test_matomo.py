"""Matomo, against a stand-in that does what Matomo's plugin BulkTracking and its tracker do."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import given

from analytics_internal.forward.configuration import UnusableDestination, configure
from analytics_internal.forward.conformance import Conformance
from analytics_internal.forward.destination import ReceiverUnavailable, Undeliverable
from analytics_internal.forward.destinations.matomo import Matomo, MatomoOptions
from analytics_internal.forward.outgoing import Outgoing
from tests.forward.destinations.samples import any_event, batch_of, outgoing
from tests.forward.http_receiver import HttpReceiver, Reply, Request, running

SITE = 3
TOKENS = {"token-of-a-super-user": "super", "token-of-a-writer": "write"}
DAY_S = 86_400
Parameters = dict[str, str]


class Invalid(Exception):
    """``InvalidRequestParameterException`` and ``UnexpectedWebsiteFoundException``."""


class Site(HttpReceiver):
    """One site of a Matomo. It keeps what it tracks, and stores a bulk request in one transaction."""

    def __init__(self, token: Literal["token-of-a-super-user", "token-of-a-writer", ""] = "") -> None:
        super().__init__()
        self.token: str = token
        """That the destination is configured with."""
        self.tracked: list[Parameters] = []
        self.deleted_before_days: int | None = None
        """Whether older raw data is deleted: then it is not taken either."""
        self.locked: set[str] = set()
        """The ids whose rows another request has locked: they are skipped once."""
        self.breaks_at: str | None = None
        """The id at which the database fails, once."""

    @property
    def options(self) -> Mapping[str, Any]:
        token = {"token_auth": self.token} if self.token else {}
        return {"url": self.url, "site_id": SITE, "portal_url": "https://backstage.example.com", **token}

    def received(self) -> list[UUID]:
        return [UUID(one["rand"]) for one in self.tracked]

    def refuse(self) -> None:
        self.deleted_before_days = 0

    def recover(self) -> None:
        super().recover()
        self.deleted_before_days = None

    def take(self, request: Request) -> Reply:
        if urlsplit(request.path).path != "/matomo.php" or b'"requests"' not in request.body[1:]:
            return Reply(200, b"<html>This is the Matomo login page</html>")
        body = json.loads(request.body)
        role = TOKENS.get(body.get("token_auth", ""))
        asked = [dict(parse_qsl(urlsplit(one).query, keep_blank_values=True)) for one in body["requests"]]
        done: list[Parameters] = []
        tracked = 0
        invalid: list[int] = []
        for index, one in enumerate(asked):
            if (id_ := one.get("rand", "")) == self.breaks_at:
                self.breaks_at = None
                return _answered(500, {"status": "error", "tracked": tracked, "invalid": 0})
            if id_ in self.locked:
                self.locked.remove(id_)
                continue
            try:
                self._check(one, role)
            except Invalid:
                invalid.append(index)
                continue
            tracked += 1
            done += [] if one.get("ping") == "1" else [one]
        self.tracked += done
        indices = {"invalid_indices": invalid} if role == "super" else {}
        return _answered(200, {"status": "success", "tracked": tracked, "invalid": len(invalid), **indices})

    def _check(self, one: Parameters, role: str | None) -> None:
        if one.get("idsite") != str(SITE) or one.get("rec") != "1":
            raise Invalid("no such site")
        if len(one.get("cid", "0" * 16)) != 16 or int(one["cid"], 16) < 0:
            raise Invalid("Visitor ID (cid) must be 16 characters long")
        now = time.time()
        at = float(one.get("cdt", now))
        if not now - 20 * 365 * DAY_S < at <= now:
            return  # recorded as of now
        if now - at >= DAY_S and role is None:
            raise Invalid("Custom timestamp is too old, requires &token_auth...")
        is_ping = one.get("ping") == "1"
        if self.deleted_before_days is not None and now - at > self.deleted_before_days * DAY_S and not is_ping:
            raise Invalid("Custom timestamp is older than the configured 'deleted old raw data' value")


def _answered(status: int, answer: Mapping[str, Any]) -> Reply:
    return Reply(status, json.dumps(answer).encode(), {"content-type": "application/json"})


class TestWithTheTokenOfASuperUser(Conformance):
    kind = Matomo

    @pytest.fixture
    def receiver(self) -> Iterator[Site]:
        with running(Site("token-of-a-super-user")) as site:
            yield site


class TestWithoutToken(Conformance):
    kind = Matomo

    @pytest.fixture
    def receiver(self) -> Iterator[Site]:
        with running(Site()) as site:
            yield site


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site("token-of-a-super-user")) as found:
        yield found


@pytest.fixture
async def matomo(site: Site) -> AsyncIterator[Matomo]:
    async for destination in opened(site):
        yield destination


async def opened(site: Site, **options: Any) -> AsyncIterator[Matomo]:
    destination = made({**site.options, **options})
    await destination.open()
    yield destination
    await destination.close()


def made(options: Mapping[str, Any]) -> Matomo:
    return Matomo("matomo", MatomoOptions.model_validate(options))


def parameters_of(event: Outgoing, **options: Any) -> Parameters:
    destination = made(
        {"url": "https://m.example", "site_id": SITE, "portal_url": "https://b.example/portal/", **options}
    )
    return dict(parse_qsl(destination.encode(event).decode(), keep_blank_values=True))


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@given(any_event)
def test_whatever_the_log_has_arrives_as_it_was(event: Outgoing) -> None:
    found = parameters_of(event)

    assert UUID(found["rand"]) == event.id
    assert len(found["cid"]) == 16
    assert found["url"].startswith("https://b.example/portal")
    assert ("action_name" in found) + ("search" in found) + (found.get("e_c", "") > "") == 1


def test_page_views_searches_and_events_arrive_as_what_they_are() -> None:
    page = parameters_of(outgoing(path="/docs/default/component/guide", subject="/docs/default/component/guide"))
    search = parameters_of(outgoing(action="search", subject="grpc", value=4.0, context={"searchTypes": "techdocs"}))
    event = parameters_of(outgoing(action="click", subject="Create", value=0.5, plugin="scaffolder", path="/create"))

    assert page["url"] == "https://b.example/portal/docs/default/component/guide"
    assert page["action_name"] == "/docs/default/component/guide"
    assert (search["search"], search["search_count"], search["search_cat"]) == ("grpc", "4", "techdocs")
    assert (event["e_c"], event["e_a"], event["e_n"], event["e_v"]) == ("scaffolder", "click", "Create", "0.5")


def test_people_are_user_ids_and_others_are_visitors_by_session() -> None:
    person = parameters_of(outgoing(user="p-ana"))
    nobody = parameters_of(outgoing(user=None))

    assert person["uid"] == "p-ana"
    assert "uid" not in nobody
    assert nobody["cid"] == parameters_of(outgoing(user=None))["cid"] != person["cid"]


def test_custom_dimensions_get_the_fields_they_ask_for() -> None:
    dimensions = {1: "plugin", 2: "attributes.kind", 3: "context.extension", 4: "attributes.absent", 5: "imported"}

    found = parameters_of(
        outgoing(attributes={"kind": "component"}, context={"extension": "App"}), dimensions=dimensions
    )

    kept = {name: value for name, value in found.items() if name.startswith("dimension")}
    assert kept == {"dimension1": "catalog", "dimension2": "component", "dimension3": "App", "dimension5": "false"}


def test_a_dimension_of_no_field_is_an_error() -> None:
    options = {"url": "https://m.example", "site_id": 1, "portal_url": "https://b.example", "dimensions": {1: "colour"}}
    with pytest.raises(UnusableDestination, match=r"dimensions: must be one of action, subject"):
        configure([{"name": "m", "type": "matomo", **options}])


async def test_events_that_matomo_calls_invalid_are_refused_alone(site: Site, matomo: Matomo) -> None:
    site.deleted_before_days = 30
    events = [outgoing(occurred_at=days_ago(days)) for days in (0, 40, 1, 31, 29)]

    refusals = await matomo.send(batch_of(matomo, *events))

    assert [refusal.index for refusal in refusals] == [1, 3]
    assert site.received() == [events[index].id for index in (0, 2, 4)]


async def test_a_token_that_is_not_told_which_events_are_invalid_costs_one_more_count(site: Site) -> None:
    site.token, site.deleted_before_days = "token-of-a-writer", 30
    events = [outgoing(occurred_at=days_ago(days)) for days in (0, 40, 1)]

    async for matomo in opened(site):
        refusals = await matomo.send(batch_of(matomo, *events))

    assert [refusal.index for refusal in refusals] == [1]
    assert site.received() == [events[0].id, events[2].id, events[0].id, events[2].id]


async def test_events_that_are_all_invalid_are_refused(site: Site) -> None:
    site.token, site.deleted_before_days = "token-of-a-writer", 30
    events = [outgoing(occurred_at=days_ago(days)) for days in (40, 41)]

    async for matomo in opened(site):
        refusals = await matomo.send(batch_of(matomo, *events))

    assert [refusal.index for refusal in refusals] == [0, 1]
    assert site.received() == []


async def test_a_token_that_is_not_accepted_makes_no_dead_letters(site: Site) -> None:
    async for matomo in opened(site, token_auth="token-of-nobody"):
        with pytest.raises(ReceiverUnavailable, match="does not accept token_auth"):
            await matomo.send(batch_of(matomo, outgoing(occurred_at=days_ago(2))))


async def test_an_unknown_site_makes_no_dead_letters(site: Site) -> None:
    async for matomo in opened(site, site_id=4):
        with pytest.raises(ReceiverUnavailable, match="does not know site 4"):
            await matomo.send(batch_of(matomo, outgoing()))


def test_events_older_than_a_day_need_a_token() -> None:
    parameters_of(outgoing(occurred_at=days_ago(0.99)))
    parameters_of(outgoing(occurred_at=days_ago(2)), token_auth="t")

    with pytest.raises(Undeliverable, match="token_auth") as refused:
        parameters_of(outgoing(occurred_at=days_ago(1)))

    assert refused.value.reason == "too_old"


def test_events_that_matomo_would_record_as_of_now_are_dead_letters() -> None:
    with pytest.raises(Undeliverable) as refused:
        parameters_of(outgoing(occurred_at=datetime(2000, 1, 1, tzinfo=UTC)), token_auth="t")

    assert refused.value.reason == "too_old"


async def test_events_that_matomo_skipped_are_sent_again(site: Site, matomo: Matomo) -> None:
    events = [outgoing(), outgoing(), outgoing()]
    site.locked = {events[1].id.hex}

    with pytest.raises(ReceiverUnavailable, match="skipped 1 of 3"):
        await matomo.send(batch_of(matomo, *events))
    await matomo.send(batch_of(matomo, *events))

    assert set(site.received()) == {event.id for event in events}


async def test_a_failed_request_counts_nothing(site: Site, matomo: Matomo) -> None:
    events = [outgoing(), outgoing()]
    site.breaks_at = events[1].id.hex

    with pytest.raises(ReceiverUnavailable):
        await matomo.send(batch_of(matomo, *events))
    assert await matomo.send(batch_of(matomo, *events)) == []

    assert site.received() == [event.id for event in events]


async def test_a_page_instead_of_an_answer_is_an_outage(site: Site) -> None:
    async for matomo in opened(site, url=f"{site.url}/elsewhere"):
        with pytest.raises(ReceiverUnavailable, match="BulkTracking"):
            await matomo.send(batch_of(matomo, outgoing()))


async def test_the_url_may_name_the_script(site: Site) -> None:
    async for matomo in opened(site, url=f"{site.url}/matomo.php"):
        await matomo.send(batch_of(matomo, outgoing()))

    assert len(site.tracked) == 1
