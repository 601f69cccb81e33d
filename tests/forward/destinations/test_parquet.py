"""Parquet files in a folder, and on S3 as moto's server speaks it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from analytics_internal.forward.configuration import UnusableDestination, configure
from analytics_internal.forward.conformance import Conformance, Receiver
from analytics_internal.forward.destination import ReceiverUnavailable
from analytics_internal.forward.destinations import parquet as parquet_type
from analytics_internal.forward.destinations.parquet import COLUMNS, Parquet
from analytics_internal.forward.outgoing import Outgoing
from tests.forward.destinations.lake import LOG, MORNING, Lake, at_midnight, files_in, rows_in
from tests.forward.destinations.made import made, outgoing

# --- the conformance test


class LakeFolder(Receiver):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def options(self) -> Mapping[str, Any]:
        return {"url": str(self._folder), "linger_s": 0}

    def received(self) -> Sequence[UUID]:
        return [UUID(row[0]) for row in rows_in(self._folder, "id")]

    def stop(self) -> None:
        """The disk is gone, and something else is in the way."""
        if self._folder.exists():
            self._folder.rename(self._away)
        self._folder.touch()

    def start(self) -> None:
        self._folder.unlink()
        if self._away.exists():
            self._away.rename(self._folder)

    @property
    def _away(self) -> Path:
        return self._folder.with_name("away")


class TestFolder(Conformance):
    kind = Parquet

    @pytest.fixture
    def receiver(self, tmp_path: Path) -> LakeFolder:
        return LakeFolder(tmp_path / "lake")


# --- the files


@pytest.fixture
async def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    await lake.destination.open()
    return lake


async def test_a_block_that_fills_is_one_file(lake: Lake) -> None:
    for up_to in (1, 4, 10):
        await lake.send(made(1, up_to), fresh_after=up_to - 1)
    await lake.send(made(11, 12))

    assert lake.positions() == list(range(1, 13))
    assert files_in(lake.folder) == [
        "day=2026-11-24/events-0193f2b4-000000000001.parquet",
        "day=2026-11-24/events-0193f2b4-000000000011.parquet",
    ]


async def test_a_file_belongs_to_the_day_of_its_events_in_utc(lake: Lake) -> None:
    await lake.send([at_midnight(position) for position in range(1, 11)])

    rows = rows_in(lake.folder, "day::VARCHAR, occurred_at::DATE::VARCHAR, position")
    assert [row[2] for row in rows] == list(range(1, 11))
    assert {row[:2] for row in rows} == {("2026-11-24", "2026-11-24"), ("2026-11-25", "2026-11-25")}


async def test_a_repetition_replaces_itself(lake: Lake) -> None:
    events = [at_midnight(position) for position in range(1, 11)]
    await lake.send(events)
    await lake.restart()
    await lake.send(events, fresh_after=0)
    await lake.send(events, fresh_after=10)

    with duckdb.connect() as connection:
        counts = "SELECT count(*), count(DISTINCT id) FROM"
        assert connection.execute(f"{counts} '{lake.folder}/*/*.parquet'").fetchall() == [(10, 10)]


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_replay_replaces_all_that_the_block_had(lake: Lake, restarts: bool) -> None:
    await lake.send([at_midnight(position) for position in range(1, 11)])
    await lake.send(made(11, 20))
    if restarts:
        await lake.restart()

    # By another configuration, in which those of the one day are filtered out.
    await lake.send([at_midnight(position) for position in range(1, 11, 2)], fresh_after=20)

    assert lake.positions() == [1, 3, 5, 7, 9, *range(11, 21)]


async def test_days_without_new_events_are_not_written_again(lake: Lake) -> None:
    days = [outgoing(position, occurred_at=MORNING + timedelta(days=position // 3)) for position in range(1, 11)]
    await lake.send(days[:4])
    before = {name: (lake.folder / name).stat().st_ino for name in files_in(lake.folder)}

    await lake.send(days[:8], fresh_after=4)

    after = {name: (lake.folder / name).stat().st_ino for name in files_in(lake.folder)}
    assert [name for name, inode in before.items() if after[name] == inode] == [min(before)]
    assert lake.positions() == list(range(1, 9))


async def test_a_replay_brings_back_files_that_somebody_removed(lake: Lake) -> None:
    events = [at_midnight(position) for position in range(1, 11)]
    await lake.send(events)
    for name in files_in(lake.folder):
        (lake.folder / name).unlink()

    await lake.send(events, fresh_after=10)

    assert lake.positions() == list(range(1, 11))


async def test_every_column_has_its_type(lake: Lake) -> None:
    full = outgoing(
        1,
        occurred_at=MORNING + timedelta(microseconds=7),
        value=0.5,
        attributes={"n": 1, "x": 1.5, "yes": True, "none": None, "text": "'ü\u2028"},
        context={"pluginId": "catalog"},
        session_id=LOG,
        imported=True,
        entity="component:default/web",
        agent="claude-code",
    )
    empty = Outgoing(2, UUID(int=5), MORNING)
    await lake.send([full, empty])

    (row, bare) = rows_in(lake.folder)
    (file,) = lake.folder.glob("*/*.parquet")
    with duckdb.connect() as connection:
        types = connection.execute(
            f"DESCRIBE SELECT * FROM read_parquet('{file}', hive_partitioning = false)"
        ).fetchall()
        found = connection.execute(f"SELECT attributes->>'$.text', attributes->'$.n' FROM '{file}' LIMIT 1").fetchone()
    assert {name: type_ for name, type_, *_ in types} == {
        name: {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}.get(type_, type_) for name, type_ in COLUMNS.items()
    }
    assert dict(zip(COLUMNS, row, strict=False)) | {"attributes": "", "context": ""} == {
        "position": 1, "id": str(full.id), "occurred_at": full.occurred_at, "received_at": full.received_at,
        "action": "navigate", "subject": full.subject, "user": "person-1", "value": 0.5, "attributes": "",
        "context": "", "session_id": str(LOG), "imported": True, "plugin": "techdocs",
        "entity": "component:default/web", "path": "/docs", "agent": "claude-code",
    }  # fmt: skip
    assert found == ("'ü\u2028", "1")
    assert bare[:7] == (2, str(empty.id), MORNING, None, "", "", None)


async def test_a_test_event_is_in_no_block(lake: Lake) -> None:
    await lake.send(made(1, 10))
    for _ in range(2):
        await lake.send([outgoing(0)], fresh_after=0)

    assert files_in(lake.folder)[1:] == ["day=2026-11-24/test-0193f2b4.parquet"]
    assert lake.positions() == list(range(11))


async def test_another_log_replaces_nothing(lake: Lake) -> None:
    await lake.send(made(1, 10))
    other = Lake(lake.folder)
    other.destination.log_id = UUID(int=7)
    await other.destination.open()

    await other.send(made(1, 5))

    assert len(lake.positions()) == 15


@pytest.mark.parametrize(("name", "size", "said"), [("lake", 20, "events_per_file 10"), ("other", 10, "'lake'")])
async def test_a_folder_with_files_of_others_is_not_written_to(lake: Lake, name: str, size: int, said: str) -> None:
    options = parquet_type.ParquetOptions.model_validate({**lake.options, "events_per_file": size})
    other = Parquet(name, options)
    other.log_id = LOG

    with pytest.raises(ReceiverUnavailable, match=said):
        await other.open()


# --- what goes wrong


WRITES_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from tests.forward.destinations.lake import Lake
from tests.forward.destinations.made import made

async def write():
    lake = Lake(Path(sys.argv[1]), events_per_file=2_000)
    await lake.destination.open()
    await lake.send(made(1, 1_000))
    print("written", flush=True)
    while True:
        await lake.send(made(1, 2_000), fresh_after=1_000)

asyncio.run(write())
"""


@pytest.mark.slow
async def test_a_kill_leaves_whole_files_and_no_rest_after_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    unfinished = 0
    for attempt in range(3):
        writing = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITES_FOR_EVER, str(folder), stdout=asyncio.subprocess.PIPE
        )
        assert writing.stdout is not None
        await writing.stdout.readline()
        await asyncio.sleep(0.05 + 0.03 * attempt)
        writing.kill()
        await writing.wait()
        unfinished += len([*folder.rglob("*.unfinished")])
        assert len(rows_in(folder, "position")) in (1_000, 2_000)
    print(f"{unfinished = }")

    lake = Lake(folder, events_per_file=2_000)
    await lake.destination.open()
    await lake.send(made(1, 2_000), fresh_after=0)

    assert lake.positions() == list(range(1, 2_001))
    assert not [*folder.rglob("*.unfinished")]


async def test_only_unfinished_files_of_the_same_destination_are_removed(lake: Lake) -> None:
    day = lake.folder / "day=2026-11-24"
    day.mkdir()
    own, foreign = (day / f".events-1.parquet.{name}.abcd.unfinished" for name in ("lake", "other"))
    own.touch()
    foreign.touch()

    await lake.send(made(1, 3))

    assert (own.exists(), foreign.exists()) == (False, True)


async def test_a_cancelled_batch_never_gets_into_its_place(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    write = parquet_type._write

    def slowly(*given: Any) -> None:
        write(*given)
        has_begun.set()
        released.wait(10)

    released, has_begun = threading.Event(), threading.Event()
    monkeypatch.setattr(parquet_type, "_write", slowly)
    sending = asyncio.ensure_future(lake.send(made(1, 5)))
    await asyncio.to_thread(has_begun.wait, 10)
    sending.cancel()
    released.set()
    await asyncio.wait([sending])
    await lake.destination.close()

    assert files_in(lake.folder) == []
    monkeypatch.undo()
    await lake.restart()
    await lake.send(made(1, 5))
    assert lake.positions() == [1, 2, 3, 4, 5]
    assert not [*lake.folder.rglob("*.unfinished")]


async def test_a_full_disk_is_an_outage_with_its_reason(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    await lake.send(made(1, 3))
    # The kernel's own way to say so.
    monkeypatch.setattr(lake.destination._place, "prepare", lambda _: Path("/dev/full"))
    monkeypatch.setattr(lake.destination._place, "discard", lambda _: asyncio.sleep(0))

    with pytest.raises(ReceiverUnavailable, match="No space left on device"):
        await lake.send(made(1, 5), fresh_after=3)

    assert lake.positions() == [1, 2, 3]


async def test_a_folder_that_cannot_be_made_is_an_outage_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ReceiverUnavailable, match="Not a directory"):
        await Lake(tmp_path / "file" / "lake").destination.open()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_without_permission_is_an_outage_with_its_reason(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o500)

    with pytest.raises(ReceiverUnavailable, match="Permission denied"):
        await Lake(tmp_path / "lake").destination.open()


# --- the options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "lake"}, "must be absolute"),
        ({"url": "file://lake/x"}, "must be absolute"),
        ({"url": "ftp://a/b"}, "must be a folder, or begin with"),
        ({"url": "s3://"}, "needs the name of a bucket"),
        ({"url": "s3://a:b@c/d"}, "credentials have options of their own"),
        ({"url": "/lake", "region": "eu-west-1"}, "region: is only for s3://"),
        ({"url": "gs://a", "account_key": "x"}, "account_key: is only for az://"),
        ({"url": "az://a/b"}, "account: is required"),
        ({"url": "s3://a", "access_key_id": "x"}, "both are needed"),
        ({"url": "s3://a", "endpoint": "minio:9000"}, "must be a web address"),
        ({"url": "s3://a", "endpoint": "http://169.254.169.254/"}, "metadata address"),
        ({"url": "/lake", "events_per_file": 0}, "events_per_file"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UnusableDestination, match=said):
        configure([{"name": "lake", "type": "parquet", **options}])


def test_object_stores_say_which_extra_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_type, "find_spec", lambda _: None)

    configure([{"name": "lake", "type": "parquet", "url": "/lake"}])
    with pytest.raises(UnusableDestination, match=r"backstage-analytics-internal\[objectstore\]"):
        configure([{"name": "lake", "type": "parquet", "url": "s3://a/b"}])


@pytest.mark.parametrize(
    "options",
    [
        {"url": "gs://analytics/events", "service_account": '{"type": "service_account"}'},
        {"url": "az://analytics/events", "account": "ours", "account_key": "a2V5"},
        {"url": "az://analytics/events", "account": "ours", "sas_token": "sv=2024&sig=x"},
    ],
)
def test_the_other_stores_can_be_configured(options: dict[str, Any]) -> None:
    (configured,) = configure([{"name": "lake", "type": "parquet", **options}])

    assert configured.options["url"] == options["url"]
