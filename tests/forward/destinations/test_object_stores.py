"""Parquet files on S3 as moto's server speaks it, and what the other object stores can be given here."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import obstore
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from analytics_internal.forward.conformance import Conformance, Receiver
from analytics_internal.forward.destination import ReceiverUnavailable
from analytics_internal.forward.destinations import parquet as parquet_type
from analytics_internal.forward.destinations.parquet import Parquet, ParquetOptions
from analytics_internal.forward.object_stores import Address, Objects
from tests.forward.destinations.lake import Lake, at_midnight, files_in, rows_in
from tests.forward.destinations.made import made
from tests.ports import closed_port, reserved_port

KEY, SECRET = "AKIAOFTHETESTS", "s3cret-0f-the-tests"


class Bucket(Receiver):
    """A bucket of a server of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = reserved_port()
        self._server: ThreadedMotoServer | None = None
        self._silent: socket.socket | None = None
        self.start()
        # What it keeps belongs to the process: it stays when the server stops, and another test has left some.
        httpx.post(f"{self.endpoint}/moto-api/reset", trust_env=False).raise_for_status()
        self.make_bucket()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def options(self) -> Mapping[str, Any]:
        credentials = {"access_key_id": KEY, "secret_access_key": SECRET, "region": "us-east-1"}
        return {"url": "s3://analytics/all/events", "linger_s": 0, "endpoint": self.endpoint, **credentials}

    def store(self, prefix: str | None = "all/events") -> S3Store:
        return S3Store(
            "analytics",
            prefix=prefix,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )

    def make_bucket(self) -> None:
        httpx.put(f"{self.endpoint}/analytics", trust_env=False).raise_for_status()

    def download(self) -> Path:
        shutil.rmtree(self._folder, ignore_errors=True)
        for listed in obstore.list(self.store()):
            for one in listed:
                file = self._folder / one["path"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(bytes(obstore.get(self.store(), one["path"]).bytes()))
        return self._folder

    def received(self) -> Sequence[UUID]:
        return [UUID(row[0]) for row in rows_in(self.download(), "id")]

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
        self._server = None

    def start(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()

    def hang(self) -> None:
        self.stop()
        self._silent = socket.create_server(("127.0.0.1", self._port))

    def recover(self) -> None:
        if self._silent is not None:
            self._silent.close()
            self._silent = None
        self.start()


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    bucket = Bucket(tmp_path / "downloaded")
    yield bucket
    bucket.stop()


class TestS3(Conformance):
    kind = Parquet

    @pytest.fixture
    def receiver(self, bucket: Bucket) -> Bucket:
        return bucket


async def s3_lake(bucket: Bucket, **options: Any) -> Lake:
    lake = Lake(bucket.download(), **{**bucket.options, "events_per_file": 10, **options})
    await lake.destination.open()
    return lake


async def test_a_replay_on_s3_replaces_all_that_the_block_had(bucket: Bucket) -> None:
    lake = await s3_lake(bucket)
    await lake.send([at_midnight(position) for position in range(1, 11)])
    await lake.send(made(11, 20))
    await lake.restart()
    await lake.send([at_midnight(position) for position in range(1, 11, 2)], fresh_after=20)

    assert [row[0] for row in rows_in(bucket.download(), "position")] == [1, 3, 5, 7, 9, *range(11, 21)]
    assert files_in(bucket.download())[0].endswith("day=2026-11-24/events-0193f2b4-000000000011.parquet")


async def test_a_missing_bucket_is_an_outage_with_its_reason(bucket: Bucket) -> None:
    with pytest.raises(ReceiverUnavailable, match="s3://elsewhere/x: there is no such bucket") as raised:
        await s3_lake(bucket, url="s3://elsewhere/x")

    assert SECRET not in str(raised.value)


async def test_a_store_that_is_not_there_is_an_outage_in_plain_words() -> None:
    with closed_port() as port:
        options = {"url": "s3://analytics/events", "endpoint": f"http://127.0.0.1:{port}", "access_key_id": KEY}
        lake = Parquet("lake", ParquetOptions.model_validate({**options, "secret_access_key": SECRET}))
        with pytest.raises(ReceiverUnavailable) as caught:
            await lake.open()

    assert str(caught.value).endswith("Connection refused")
    assert "{" not in str(caught.value)


async def test_credentials_come_from_the_environment_as_well(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    lake = Lake(bucket.download(), url="s3://analytics/all/events", endpoint=bucket.endpoint)
    await lake.destination.open()

    await lake.send(made(1, 3))

    assert [row[0] for row in rows_in(bucket.download(), "position")] == [1, 2, 3]


async def test_what_a_killed_process_left_in_the_folder_for_temporary_files_is_removed(
    bucket: Bucket, tmp_path: Path
) -> None:
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    of_the_dead = tmp_path / f"analytics-internal-objects-{gone.pid}-x"
    of_the_living = tmp_path / f"analytics-internal-objects-{os.getppid()}-x"
    of_the_dead.mkdir()
    of_the_living.mkdir()
    (of_the_dead / "rest.parquet").touch()

    lake = await s3_lake(bucket)
    await lake.send(made(1, 3))
    await lake.destination.close()

    assert [name for name in os.listdir(tmp_path) if "objects" in name] == [of_the_living.name]


# --- the other stores, as far as they go without one


def service_account() -> str:
    """The JSON of a key as Google gives it out, with a key of our own."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    fields = {"private_key": key.private_bytes(*form).decode(), "private_key_id": "1", "client_email": "a@b.example"}
    return json.dumps({"type": "service_account", "gcs_base_url": "", **fields})


@pytest.mark.parametrize(
    "options",
    [
        {"url": "gs://analytics/events"},
        {"url": "az://analytics/events", "account": "ours", "account_key": "a2V5"},
        {"url": "az://analytics/events", "account": "ours", "sas_token": "sv=2024-01-01&sig=eA%3D%3D"},
        {"url": "az://analytics/events", "account": "ours", "endpoint": "http://127.0.0.1:10000/ours"},
    ],
)
async def test_the_clients_of_other_stores_take_what_the_options_say(options: dict[str, str]) -> None:
    if options["url"].startswith("gs:"):
        options = {**options, "service_account": service_account()}
    given = ParquetOptions.model_validate(options)
    place = Objects(Address(given.scheme, given.bucket, given.prefix), parquet_type._settings(given))

    await place.open()

    assert place._store.prefix == "events"
    await place.close()


async def test_a_key_that_is_none_is_an_outage_that_does_not_show_it() -> None:
    given = ParquetOptions.model_validate({"url": "gs://analytics", "service_account": '{"private_key": "s3cret-key"}'})
    place = Objects(Address("gs", "analytics", ""), parquet_type._settings(given), list(given.secrets().values()))

    with pytest.raises(ReceiverUnavailable, match="gs://analytics") as raised:
        await place.open()

    assert "s3cret-key" not in str(raised.value)
