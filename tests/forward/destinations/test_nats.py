"""NATS JetStream, against a real server."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import nats
import nkeys
import pytest
from nats.aio.client import Client
from nats.js.api import DeliverPolicy, DiscardPolicy, StreamConfig

from analytics_internal.forward import configuration
from analytics_internal.forward.configuration import UnusableDestination, configure
from analytics_internal.forward.conformance import Conformance, Receiver
from analytics_internal.forward.destination import ReceiverUnavailable
from analytics_internal.forward.destinations import nats as nats_type
from analytics_internal.forward.destinations.nats import Nats
from analytics_internal.forward.secret import SecretMissing
from tests.bridge.tls import make_certificates
from tests.forward.destinations.elsewhere import run_elsewhere
from tests.forward.destinations.made import batch_of, made, outgoing
from tests.nats_server import NatsServer
from tests.ports import closed_port

SUBJECT = "backstage.events"


class Jetstream(Receiver):
    """A server of its own with the stream EVENTS."""

    def __init__(self, folder: Path) -> None:
        token = "t0ken-of-the-tests"
        self.server = NatsServer(folder, {"authorization": {"token": token}}).start()
        self._token = token
        self._is_stopped = False
        run_elsewhere(self._changed(StreamConfig(name="EVENTS", subjects=["backstage.>"]), is_new=True))

    @property
    def options(self) -> Mapping[str, Any]:
        return {"servers": self.server.address, "subject": "backstage.{action}.{plugin}", "token": self._token}

    def received(self) -> Sequence[UUID]:
        return run_elsewhere(self._received())

    async def _received(self) -> list[UUID]:
        async with connected(self.server, token=self._token) as client:
            return [UUID(event_id) for *_, event_id in await stored(client)]

    async def _changed(self, config: StreamConfig, is_new: bool = False) -> None:
        async with connected(self.server, token=self._token) as client:
            context = client.jetstream()
            await (context.add_stream(config) if is_new else context.update_stream(config))

    def _change(self, **config: Any) -> None:
        run_elsewhere(self._changed(StreamConfig(name="EVENTS", subjects=["backstage.>"], **config)))

    def stop(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()

    def hang(self) -> None:
        self.server.stop_answering()
        self._is_stopped = True

    def overload(self) -> None:
        self._change(max_bytes=1, discard=DiscardPolicy.NEW)

    def refuse(self) -> None:
        self._change(max_msg_size=1)

    def recover(self) -> None:
        if self._is_stopped:
            self.server.answer_again()
            self._is_stopped = False
        else:
            self._change()


class TestNats(Conformance):
    kind = Nats

    @pytest.fixture
    def receiver(self, tmp_path: Path) -> Iterator[Jetstream]:
        jetstream = Jetstream(tmp_path)
        yield jetstream
        jetstream.stop()


@contextlib.asynccontextmanager
async def connected(server: NatsServer, **options: Any) -> AsyncIterator[Client]:
    client = await nats.connect(server.address, **options)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(tmp_path_factory.mktemp("nats"), {"max_payload": 200_000}) as running:
        yield running


@pytest.fixture
async def client(server: NatsServer) -> AsyncIterator[Client]:
    """A client of the test's own; every stream is deleted after the test."""
    async with connected(server) as own:
        yield own
        manager = own.jetstream()
        for stream in await manager.streams_info():
            assert stream.config.name is not None
            await manager.delete_stream(stream.config.name)


def destination(server: NatsServer, **options: Any) -> Nats:
    """As it is made of the settings."""
    given = {"name": "events", "type": "nats", "servers": server.address, "subject": SUBJECT, **options}
    made_of = configuration.make(configure([given])[0])
    assert isinstance(made_of, Nats)
    return made_of


@contextlib.asynccontextmanager
async def opened(server: NatsServer, **options: Any) -> AsyncIterator[Nats]:
    made_of = destination(server, **options)
    await made_of.open()
    try:
        yield made_of
    finally:
        await made_of.close()


async def stored(client: Client, stream: str = "EVENTS") -> list[tuple[str, int, str]]:
    """What a consumer gets: subject, position and id of each message, in the order of the stream."""
    context = client.jetstream()
    count = (await context.stream_info(stream)).state.messages
    subscription = await context.subscribe(">", stream=stream, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
    got = []
    for _ in range(count):
        message = await subscription.next_msg(timeout=10)
        event = json.loads(message.data)
        assert message.headers is not None
        assert message.headers["Nats-Msg-Id"] == event["id"]
        assert message.headers["Content-Type"] == "application/json"
        got.append((message.subject, event["position"], event["id"]))
    await subscription.unsubscribe()
    return got


async def positions(client: Client, stream: str = "EVENTS") -> list[int]:
    return [position for _, position, _ in await stored(client, stream)]


async def add_stream(client: Client, name: str = "EVENTS", subject: str = SUBJECT, **config: Any) -> None:
    await client.jetstream().add_stream(StreamConfig(name=name, subjects=[subject], **config))


async def test_events_are_stored_once_and_in_order_and_a_repeated_batch_adds_nothing(
    server: NatsServer, client: Client
) -> None:
    await add_stream(client)
    events = made(1, 2_500)
    async with opened(server) as nats_destination:
        for start in range(0, 2_500, 1_000):
            part = batch_of(nats_destination, events[start : start + 1_000])
            assert await nats_destination.send(part) == []
        assert await nats_destination.send(batch_of(nats_destination, events[:1_000])) == []
    assert await stored(client) == [(SUBJECT, event.position, str(event.id)) for event in events]


async def test_a_batch_of_which_some_is_stored_already_is_completed(server: NatsServer, client: Client) -> None:
    await add_stream(client)
    events = made(1, 60)
    async with opened(server) as nats_destination:
        await nats_destination.send(batch_of(nats_destination, events[:25]))
        assert await nats_destination.send(batch_of(nats_destination, events)) == []
    assert await positions(client) == list(range(1, 61))


async def test_the_subject_is_made_of_action_and_plugin(server: NatsServer, client: Client) -> None:
    await add_stream(client, subject="backstage.>")
    async with opened(server, subject="backstage.{action}.from-{plugin}") as nats_destination:
        events = [
            outgoing(1),
            outgoing(2, action="a b.c*>", plugin=None),
            outgoing(3, action="", plugin="größe\r\n"),
        ]
        await nats_destination.send(batch_of(nats_destination, events))
    assert [subject for subject, *_ in await stored(client)] == [
        "backstage.navigate.from-techdocs",
        "backstage.a_b_c__.from-_",
        "backstage._.from-größe__",
    ]


async def test_an_event_that_is_too_large_is_refused_and_the_others_are_stored_in_order(
    server: NatsServer, client: Client
) -> None:
    await add_stream(client, max_msg_size=50_000)
    events = made(1, 9)
    events[2] = outgoing(3, attributes={"text": "x" * 60_000})  # more than the stream takes
    events[6] = outgoing(7, attributes={"text": "x" * 200_000})  # more than the server takes
    async with opened(server) as nats_destination:
        refusals = await nats_destination.send(batch_of(nats_destination, events))
    assert [(refusal.index, refusal.reason) for refusal in refusals] == [(2, "too_large"), (6, "too_large")]
    assert "message size exceeds maximum allowed" in refusals[0].answer
    assert "max_payload: 200000" in refusals[1].detail
    assert await positions(client) == [1, 2, 4, 5, 6, 8, 9]


async def test_the_largest_event_that_the_server_takes_is_stored(server: NatsServer, client: Client) -> None:
    await add_stream(client)
    taken = 0
    async with opened(server) as nats_destination:
        for length in range(199_250, 199_750):
            batch = batch_of(nats_destination, [outgoing(1), outgoing(2, attributes={"text": "x" * length})])
            if await nats_destination.send(batch):
                break
            taken = len(batch.encoded[1])
    last = (await client.jetstream().stream_info("EVENTS")).state.last_seq - 1
    kept = await client.jetstream().get_msg("EVENTS", last)
    assert kept.data is not None
    assert kept.hdrs is not None
    assert len(kept.data) == taken
    assert len(kept.data) + len(base64.b64decode(kept.hdrs)) == 200_000


async def test_nothing_is_stored_after_a_message_that_was_not(server: NatsServer, client: Client) -> None:
    """A full stream in which somebody makes room meanwhile would take the later messages of a batch."""
    await add_stream(client, max_msgs=400, discard=DiscardPolicy.NEW)
    context = client.jetstream()
    taken: list[int] = []
    subscription = await context.subscribe(SUBJECT, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
    events = made(1, 2_000)

    async def make_room() -> None:
        while len(taken) < len(events):
            with contextlib.suppress(nats.errors.TimeoutError):
                message = await subscription.next_msg(timeout=0.2)
                taken.append(json.loads(message.data)["position"])
                if len(taken) % 20 == 0:
                    await context.purge_stream("EVENTS", seq=message.metadata.sequence.stream + 1)

    making_room = asyncio.create_task(make_room())
    sent = failures = 0
    nats_destination = destination(server)
    await nats_destination.open()
    while sent < len(events):
        try:
            await nats_destination.send(batch_of(nats_destination, events[sent : sent + 1_000]))
            sent += 1_000
        except ReceiverUnavailable:
            failures += 1
            await nats_destination.close()
            await nats_destination.open()
    await nats_destination.close()
    await making_room
    assert failures > 0
    assert taken == list(range(1, 2_001))


async def test_order_holds_while_others_write_into_the_same_stream(server: NatsServer, client: Client) -> None:
    await add_stream(client, subject="backstage.>")
    ended = asyncio.Event()
    others = 0

    async def write() -> None:
        nonlocal others
        while not ended.is_set():
            await client.jetstream().publish("backstage.others", b'{"position": 0, "id": "other"}')
            others += 1

    writing = asyncio.create_task(write())
    async with opened(server) as nats_destination:
        for start in (1, 301):
            assert await nats_destination.send(batch_of(nats_destination, made(start, start + 299))) == []
    ended.set()
    await writing
    assert others > 0
    context = client.jetstream()
    subscription = await context.subscribe(SUBJECT, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
    got = [json.loads((await subscription.next_msg(timeout=10)).data)["position"] for _ in range(600)]
    assert got == list(range(1, 601))


async def test_a_stream_is_made_if_that_is_configured(server: NatsServer, client: Client) -> None:
    new = {"duplicate_window_s": 300, "max_age_days": 30}
    async with opened(server, subject="portal.{action}", stream="PORTAL", create_stream=new) as nats_destination:
        await nats_destination.send(batch_of(nats_destination, made(1, 3)))
    made_of = (await client.jetstream().stream_info("PORTAL")).config
    assert (made_of.subjects, made_of.duplicate_window, made_of.max_age) == (["portal.*"], 300, 30 * 86_400)
    assert await positions(client, "PORTAL") == [1, 2, 3]


async def test_without_a_stream_the_operator_is_told_what_to_do(server: NatsServer, client: Client) -> None:
    with pytest.raises(ReceiverUnavailable, match=r"no stream takes the subject backstage\.events: make one, or set"):
        await destination(server).open()
    with pytest.raises(ReceiverUnavailable, match="there is no stream OTHER"):
        await destination(server, stream="OTHER").open()


async def test_a_stream_that_is_deleted_meanwhile_is_an_outage_and_no_refusal(
    server: NatsServer, client: Client
) -> None:
    await add_stream(client)
    async with opened(server) as nats_destination:
        await client.jetstream().delete_stream("EVENTS")
        with pytest.raises(ReceiverUnavailable, match="no stream takes the subject"):
            await nats_destination.send(batch_of(nats_destination, made(1, 10)))


async def test_a_killed_server_gets_every_event_when_it_is_back(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        async with connected(server) as client:
            await add_stream(client)
        events = made(1, 4_000)
        nats_destination = destination(server)
        await nats_destination.open()
        sent = kills = 0
        while sent < len(events):
            sending = asyncio.create_task(
                nats_destination.send(batch_of(nats_destination, events[sent : sent + 1_000]))
            )
            if kills < 3:
                await asyncio.sleep(0.02 * kills)
                server.kill()
                kills += 1
            try:
                await sending
                sent += 1_000
            except ReceiverUnavailable:
                await nats_destination.close()
                with pytest.raises(ReceiverUnavailable):
                    await nats_destination.open()
                server.start()
                await nats_destination.open()
        await nats_destination.close()
        async with connected(server) as client:
            assert await stored(client) == [(SUBJECT, event.position, str(event.id)) for event in events]


async def test_a_server_that_does_not_answer_is_an_outage(
    server: NatsServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_stream(client)
    monkeypatch.setattr(nats_type, "ANSWER_LIMIT_S", 0.2)
    monkeypatch.setattr(nats_type, "CLOSE_LIMIT_S", 0.2)
    nats_destination = destination(server)
    await nats_destination.open()
    server.stop_answering()
    try:
        with pytest.raises(ReceiverUnavailable, match=r"did not confirm 1000 of 1000 messages within 0\.2 s"):
            await nats_destination.send(batch_of(nats_destination, made(1, 1_000)))
        await nats_destination.close()
    finally:
        server.answer_again()
    await nats_destination.open()
    await nats_destination.send(batch_of(nats_destination, made(1, 1)))
    await nats_destination.close()


async def test_where_nobody_listens_is_an_outage() -> None:
    with closed_port() as port:
        server = NatsServer(Path())
        server.port = port
        with pytest.raises(ReceiverUnavailable, match=f"127.0.0.1:{port}"):
            await destination(server).open()


NEW: dict[str, Any] = {"stream": "EVENTS", "create_stream": {}}
USER = {"user": "ana", "password": "s3cret-of-ana"}


@pytest.mark.parametrize(
    ("authorization", "right", "wrong"),
    [
        (USER, USER, {"user": "ana", "password": "wrong-password"}),
        ({"token": "t0ken-of-us"}, {"token": "t0ken-of-us"}, {"token": "another-token"}),
    ],
)
async def test_credentials_are_sent_and_wrong_ones_are_an_outage_that_does_not_show_them(
    tmp_path: Path, authorization: dict[str, str], right: dict[str, str], wrong: dict[str, str]
) -> None:
    with NatsServer(tmp_path, {"authorization": authorization}) as server:
        async with opened(server, **right, **NEW) as nats_destination:
            assert await nats_destination.send(batch_of(nats_destination, made(1, 2))) == []
        with pytest.raises(ReceiverUnavailable, match=r"(?i)authorization") as caught:
            await destination(server, **wrong, **NEW).open()
    assert not any(secret in str(caught.value) for secret in wrong.values() if secret != "ana")


def _seed(prefix: int) -> bytes:
    seed: bytes = nkeys.encode_seed(secrets.token_bytes(32), prefix)
    return seed


def _public(seed: bytes) -> str:
    public: bytes = nkeys.from_seed(bytearray(seed)).public_key
    return public.decode()


def _signed(by: bytes, subject: str, name: str, claims: dict[str, Any]) -> str:
    """A JWT as NATS has them: signed with an NKEY."""
    body = {"jti": name, "iat": 1_790_000_000, "iss": _public(by), "sub": subject, "name": name, "nats": claims}
    parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    signature: bytes = nkeys.from_seed(bytearray(by)).sign(text.encode())
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def test_an_nkey_signs_what_the_server_asks(tmp_path: Path) -> None:
    seed = _seed(nkeys.PREFIX_BYTE_USER)
    file = tmp_path / "seed"
    file.write_bytes(seed + b"\n")
    with NatsServer(tmp_path, {"authorization": {"users": [{"nkey": _public(seed)}]}}) as server:
        async with opened(server, nkey_seed={"file": str(file)}, **NEW) as nats_destination:
            assert await nats_destination.send(batch_of(nats_destination, made(1, 2))) == []
        other = _seed(nkeys.PREFIX_BYTE_USER).decode()
        with pytest.raises(ReceiverUnavailable, match=r"(?i)authorization") as caught:
            await destination(server, nkey_seed=other, **NEW).open()
    assert other not in str(caught.value)


async def test_a_credentials_file_is_used_as_the_tools_of_nats_write_it(tmp_path: Path) -> None:
    operator, user = _seed(nkeys.PREFIX_BYTE_OPERATOR), _seed(nkeys.PREFIX_BYTE_USER)
    account, system = _seed(nkeys.PREFIX_BYTE_ACCOUNT), _seed(nkeys.PREFIX_BYTE_ACCOUNT)
    unlimited = dict.fromkeys(
        ("subs", "data", "payload", "imports", "exports", "conn", "leaf", "streams", "consumer"), -1
    )
    limits = {**unlimited, "mem_storage": -1, "disk_storage": -1, "wildcards": True}
    of_account = _signed(operator, _public(account), "portal", {"limits": limits, "type": "account", "version": 2})
    of_system = _signed(operator, _public(system), "system", {"limits": unlimited, "type": "account", "version": 2})
    of_user = _signed(
        account, _public(user), "analytics", {"subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2}
    )
    configuration = {
        "operator": _signed(operator, _public(operator), "company", {"type": "operator", "version": 2}),
        "resolver": "MEMORY",
        "resolver_preload": {_public(account): of_account, _public(system): of_system},
        "system_account": _public(system),
    }
    file = tmp_path / "analytics.creds"
    file.write_text(
        f"-----BEGIN NATS USER JWT-----\r\n{of_user}\r\n------END NATS USER JWT------\r\n\r\n"
        f"-----BEGIN USER NKEY SEED-----\r\n{user.decode()}\r\n------END USER NKEY SEED------\r\n"
    )
    with NatsServer(tmp_path, configuration) as server:
        async with opened(server, credentials={"file": str(file)}, **NEW) as nats_destination:
            assert await nats_destination.send(batch_of(nats_destination, made(1, 2))) == []
        with pytest.raises(ReceiverUnavailable, match="there is no NATS USER JWT in it"):
            await destination(server, credentials="something else", **NEW).open()
        with pytest.raises(SecretMissing, match="NO_SUCH_VARIABLE"):
            await destination(server, credentials={"env": "NO_SUCH_VARIABLE"}, **NEW).open()


async def test_tls_demands_a_certificate_of_an_authority_that_is_trusted(tmp_path: Path) -> None:
    authority, certificate = make_certificates(tmp_path)
    trusted, other = tmp_path / "ca.pem", tmp_path / "other"
    trusted.write_text(authority)
    other.mkdir()
    (other / "ca.pem").write_text(make_certificates(other)[0])
    tls = {"cert_file": str(certificate), "key_file": str(certificate)}
    with NatsServer(tmp_path, {"tls": tls}) as server:
        at = {"servers": f"tls://localhost:{server.port}", **NEW}
        async with opened(server, **at, ca_file=str(trusted)) as nats_destination:
            assert await nats_destination.send(batch_of(nats_destination, made(1, 2))) == []
        with pytest.raises(ReceiverUnavailable, match=r"(?i)certificate"):
            await destination(server, **at, ca_file=str(other / "ca.pem")).open()
        with pytest.raises(ReceiverUnavailable, match=r"ca_file: /absent\.pem: No such file"):
            await destination(server, **at, ca_file="/absent.pem").open()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"servers": "nats://ana:secret@host"}, "servers: must not contain a user or a password"),
        ({"servers": "http://host"}, "servers: "),
        ({"servers": "169.254.169.254"}, "servers: must not be a link-local"),
        ({"servers": []}, "servers: "),
        ({"subject": "a.{person}"}, "subject: has an unknown placeholder {person}; allowed are {action} and {plugin}"),
        ({"subject": "a..b"}, "subject: "),
        ({"subject": "a.*"}, "subject: "),
        ({"subject": "$JS.API"}, "subject: "),
        ({"token": "x", "nkey_seed": "y"}, "only one of user"),
        ({"user": "x"}, "user and password belong"),
        ({"create_stream": {}}, "create_stream needs the name of the stream"),
        ({"max_age": 1}, "max_age: unknown"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], line: str) -> None:
    given = {"name": "events", "type": "nats", "servers": "host", "subject": "a", **options}
    with pytest.raises(UnusableDestination) as caught:
        configure([given])
    assert f"events: {line}" in str(caught.value)
    assert "secret" not in str(caught.value)
