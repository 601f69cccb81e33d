"""The embedded PostgreSQL, with the real server and real kills."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from analytics_internal.data_dir import DataDirInUse, DataDirLock
from analytics_internal.embedded import server as server_module
from analytics_internal.embedded import user as server_user
from analytics_internal.embedded.server import EmbeddedPostgres, EmbeddedPostgresError, OtherMajorVersion

# Nearly every test starts a PostgreSQL of its own.
pytestmark = pytest.mark.slow

SERVICE = """
import sys
from pathlib import Path
from analytics_internal.data_dir import DataDirLock
from analytics_internal.embedded.server import EmbeddedPostgres
with DataDirLock(Path(sys.argv[1])):
    print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
    sys.stdin.read()
"""

NAMELESS = 1_000_680_000
# In a user namespace of its own the process is seen as one of a user without a name, as OpenShift runs containers.
AS_NAMELESS = ("unshare", "--user", f"--map-user={NAMELESS}", "--map-group=0", "--keep-caps", "sh", "-c")
WITHOUT_NAMESPACES = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'


def _can_be_nameless() -> bool:
    try:
        return subprocess.run([*AS_NAMELESS, "id"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A data folder with a database, whose server is stopped. Each test leaves it so, with a table of its own."""
    with _short_folder() as folder:
        server = EmbeddedPostgres(folder)
        server.start()
        server.stop()
        yield folder


@contextlib.contextmanager
def _short_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="embedded-test-", dir="/tmp"))
    yield folder
    EmbeddedPostgres(folder).stop()
    shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def _watched(data_dir: Path) -> AsyncIterator[str]:
    server = EmbeddedPostgres(data_dir)
    dsn = await asyncio.to_thread(server.start)
    watcher = asyncio.create_task(server.watch())
    try:
        yield dsn
    finally:
        watcher.cancel()
        await asyncio.to_thread(server.stop)


async def _execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def _ask(dsn: str, question: str) -> object:
    """The answer, once the server gives one."""
    async with asyncio.timeout(30):
        while True:
            try:
                connection = await asyncpg.connect(dsn)
                answer: object = await connection.fetchval(question)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.02)
            else:
                await connection.close()
                return answer


async def _has_begun_anew(data_dir: Path, times: int) -> None:
    """Wait until the server has started its processes anew so often."""
    async with asyncio.timeout(30):
        while (data_dir / "postgres.log").read_text().count("reinitializing") < times:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _move(data_dir: Path, to: Path) -> None:
    to.mkdir(exist_ok=True)
    (data_dir / "postgres").rename(to / "postgres")


def _postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def _some_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"])


def _service(
    data_dir: Path, *runner: str, environment: dict[str, str] | None = None
) -> tuple[subprocess.Popen[str], str]:
    """A process that holds the lock and runs the server, as the service does."""
    process = subprocess.Popen(
        [*runner, sys.executable, "-c", SERVICE, data_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], **environment} if environment is not None else None,
    )
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")  # the first says that a database was made
    return process, next((line.strip() for line in lines if line.startswith("postgresql://")), "")


async def test_a_new_folder_gets_a_database_of_our_name(data_dir: Path) -> None:
    async with _watched(data_dir) as dsn:
        assert await _ask(dsn, "SELECT current_database()") == "analytics_internal"
        assert await _ask(dsn, "SHOW fsync") == "on"
        assert await _ask(dsn, "SHOW listen_addresses") == ""
        assert await _ask(dsn, "SELECT datcollate || ' ' || datlocale FROM pg_database LIMIT 1") == "C C.UTF-8"


async def test_data_survive_a_stop(data_dir: Path) -> None:
    async with _watched(data_dir) as dsn:
        await _execute(dsn, "CREATE TABLE stopped AS SELECT 1 AS number")
    async with _watched(data_dir) as dsn:
        assert await _ask(dsn, "SELECT number FROM stopped") == 1


@pytest.mark.parametrize("has_working_folder", [True, False], ids=["Linux", "elsewhere"])
async def test_a_server_that_runs_for_long_can_open_all_its_files(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, has_working_folder: bool
) -> None:
    if not has_working_folder:
        monkeypatch.setattr(server_module, "WORKING_FOLDER", Path("/nowhere"))
    async with _watched(data_dir) as dsn:
        first = _postmaster(data_dir)
        await _execute(dsn, "CREATE TABLE IF NOT EXISTS kept AS SELECT 1 AS number")
        await _execute(dsn, "CHECKPOINT", "SELECT pg_reload_conf()")
        connection = await asyncpg.connect(dsn)
        begun_anew = (data_dir / "postgres.log").read_text().count("reinitializing")
        os.kill(connection.get_server_pid(), signal.SIGKILL)  # all of its processes start anew, but for the first
        await _has_begun_anew(data_dir, begun_anew + 1)
        assert await _ask(dsn, "SELECT number FROM kept") == 1
        assert await _ask(dsn, "CHECKPOINT") is None
        assert _postmaster(data_dir) == first


async def test_a_killed_postmaster_is_replaced_while_a_query_still_runs(data_dir: Path) -> None:
    async with _watched(data_dir) as dsn:
        await _execute(dsn, "CREATE TABLE busy AS SELECT generate_series(1, 1000)")
        connection = await asyncpg.connect(dsn)
        query = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 1000000000)"))
        await asyncio.sleep(0.2)
        first = _postmaster(data_dir)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await query
        assert await _ask(dsn, "SELECT count(*) FROM busy") == 1000
        assert _postmaster(data_dir) != first


async def test_a_server_is_replaced_as_often_as_it_is_killed(data_dir: Path) -> None:
    async with _watched(data_dir) as dsn:
        await _execute(dsn, "CREATE TABLE rounds (round INT)")
        for number in range(5):
            await _execute(dsn, f"INSERT INTO rounds VALUES ({number})")
            os.kill(_postmaster(data_dir), signal.SIGKILL)
            assert await _ask(dsn, "SELECT count(*) FROM rounds") == number + 1


async def test_a_killed_service_leaves_nothing_in_the_way_of_the_next(data_dir: Path) -> None:
    service, dsn = _service(data_dir)
    await _execute(dsn, "CREATE TABLE orphaned AS SELECT 1 AS number")
    orphan = _postmaster(data_dir)
    service.kill()
    service.wait()
    assert psutil.pid_exists(orphan)
    async with _watched(data_dir) as dsn:
        assert await _ask(dsn, "SELECT number FROM orphaned") == 1
        assert _postmaster(data_dir) != orphan


async def test_a_service_and_its_server_killed_together_start_again(data_dir: Path) -> None:
    service, dsn = _service(data_dir)
    await _execute(dsn, "CREATE TABLE both_killed AS SELECT 1 AS number")
    os.kill(_postmaster(data_dir), signal.SIGKILL)
    service.kill()
    service.wait()
    async with _watched(data_dir) as dsn:
        assert await _ask(dsn, "SELECT number FROM both_killed") == 1


async def test_a_pid_file_that_names_some_other_process_is_stale(data_dir: Path) -> None:
    other = _some_process()
    (data_dir / "postgres" / "postmaster.pid").write_text(f"{other.pid}\n/nowhere\n1\n5432\n/nowhere\n\n1 2\nready\n")
    async with _watched(data_dir) as dsn:
        assert await _ask(dsn, "SELECT 1") == 1
    assert other.poll() is None
    other.kill()
    other.wait()


async def test_an_interrupted_first_start_is_begun_again() -> None:
    with _short_folder() as data_dir:
        (data_dir / "postgres.new").mkdir()
        (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
        async with _watched(data_dir) as dsn:
            assert await _ask(dsn, "SELECT 1") == 1
        assert not (data_dir / "postgres.new").exists()


async def test_a_path_too_long_for_a_socket_is_no_obstacle(data_dir: Path) -> None:
    with _short_folder() as folder:
        long = folder / ("long" * 30)
        _move(data_dir, long)
        async with _watched(long) as dsn:
            socket_folder = dsn.partition("host=")[2]
            assert await _ask(dsn, "SELECT 1") == 1
            assert os.stat(socket_folder).st_mode & 0o777 == 0o700
        _move(long, data_dir)
        with pytest.raises(FileNotFoundError):
            os.stat(socket_folder)


def test_the_server_is_out_of_reach_of_ctrl_c(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    assert os.getsid(_postmaster(data_dir)) != os.getsid(0)
    server.stop()


def test_data_of_another_major_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(OtherMajorVersion, match="made by PostgreSQL 17, this program brings PostgreSQL 18"):
        EmbeddedPostgres(tmp_path).start()


def test_a_server_that_does_not_start_says_why(data_dir: Path) -> None:
    configuration = data_dir / "postgres" / "postgresql.auto.conf"
    before = configuration.read_text()
    configuration.write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="no_such_setting"):
        EmbeddedPostgres(data_dir).start()
    configuration.write_text(before)


def test_a_second_service_on_a_folder_is_told_who_has_it(tmp_path: Path) -> None:
    with (
        DataDirLock(tmp_path / "data"),
        pytest.raises(DataDirInUse, match=f"in use by process {os.getpid()}: "),
        DataDirLock(tmp_path / "data"),
    ):
        pass


def test_a_folder_is_free_again_after_its_service_was_killed(data_dir: Path) -> None:
    service, _ = _service(data_dir)
    service.kill()
    service.wait()
    with DataDirLock(data_dir):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders to others")
async def test_a_closed_folder_above_is_opened_for_the_server_alone(data_dir: Path) -> None:
    with _short_folder() as folder:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        _move(data_dir, closed / "data")
        async with _watched(closed / "data") as dsn:
            assert await _ask(dsn, "SELECT 1") == 1
        uid = os.stat(closed / "data" / "postgres").st_uid
        may = [_can_list(closed, uid, "data"), _can_list(closed / "data", uid, "postgres"), _can_list(closed, uid, "")]
        may_others = _can_list(closed, server_user.named_uid(), "data")
        modes = {path.stat().st_mode & 0o777 for path in (closed / "data", closed / "data" / "postgres")}
        _move(closed / "data", data_dir)
    assert uid != 0
    assert (may, may_others) == ([True, False, False], False)
    assert modes == {0o700}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders to others")
async def test_two_databases_are_made_at_once_below_one_closed_folder() -> None:
    with _short_folder() as folder:
        servers = [EmbeddedPostgres(folder / name) for name in ("first", "second")]

        starting = [asyncio.create_task(asyncio.to_thread(server.start)) for server in servers]
        dsns = [await start for start in starting]
        answers = [await _ask(dsn, "SELECT 1") for dsn in dsns]
        for server in servers:
            server.stop()

        assert answers == [1, 1]
        assert not _can_list(folder, server_user.named_uid(), "first")


def _can_list(folder: Path, uid: int, name: str) -> bool:
    """Whether a user may list a folder, or see one thing by its name in it."""
    command = ["ls", str(folder)] if not name else ["stat", str(folder / name)]
    done = subprocess.run(command, user=uid, group=uid, extra_groups=[], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not _can_be_nameless(), reason="no user namespaces here")
@pytest.mark.parametrize("environment", [{}, {"HOME": "/", "LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}])
async def test_a_user_without_a_name_has_a_database(environment: dict[str, str]) -> None:
    with _short_folder() as folder:
        process, dsn = _service(folder, *AS_NAMELESS, 'exec "$@"', "sh", environment=environment)
        assert await _ask(dsn, "SELECT current_database()") == "analytics_internal"
        process.communicate()


@pytest.mark.skipif(not _can_be_nameless(), reason="no user namespaces here")
def test_a_user_without_a_name_is_told_what_to_do_where_none_can_be_given() -> None:
    with _short_folder() as folder:
        done = subprocess.run(
            [*AS_NAMELESS, WITHOUT_NAMESPACES, "sh", sys.executable, "-c", SERVICE, str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert f"PostgreSQL cannot be set up by user {NAMELESS}, who has no name" in done.stderr
    assert "add the user to /etc/passwd, or set database_url" in done.stderr
