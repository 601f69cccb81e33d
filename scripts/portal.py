"""Runs the portal of backstage/ for as long as it is not stopped: a PostgreSQL, the backend, and with it our service.

Prints the portal's address when all of it answers: entities in the catalog, documentation built, both searchable.
From the environment:

PORTAL_SYSTEM  ``new`` (default) or ``legacy``: which frontend system
PORTAL_PORT    where to listen on this machine, 7007
PORTAL_DATA    folder of everything that is kept, backstage/portal-data/<system>
PORTAL_GUEST   entity ref of whoever signs in, user:default/guest
PORTAL_SERVICE address of a service that runs already: the browser talks to it, without the bridge
PORTAL_CONFIG  further configuration files, separated by ``:``
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx

from analytics_internal.data_dir import DataDirInUse, DataDirLock
from analytics_internal.embedded.server import EmbeddedPostgres, EmbeddedPostgresError

ROOT = Path(__file__).resolve().parents[1]
BACKSTAGE = ROOT / "backstage"
APPS = {"new": "app", "legacy": "app-legacy"}
DOCUMENTED = ("payments", "storefront", "developer-portal")
# Generous: a cold start on a busy machine; a portal that hangs is still told from one that is slow.
START_LIMIT_S = 300.0
STOP_LIMIT_S = 30.0
POLL_S = 0.25


class CannotRun(RuntimeError):
    """The portal cannot run; the message says why and what to do."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    system: str
    port: int
    data: Path
    guest: str
    service: str
    config: tuple[Path, ...]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def guest_file(self) -> Path:
        """The catalog's entry of the guest, to be changed while the portal runs."""
        return self.data / "guest.yaml"

    @property
    def api_url(self) -> str:
        """Where the browser finds our service: behind the bridge, or by itself."""
        return f"{self.service or self.url}/api/analytics-internal"


def options_from(environment: Mapping[str, str]) -> Options:
    """Raises CannotRun: a value is none of those allowed."""
    system = environment.get("PORTAL_SYSTEM") or "new"
    if system not in APPS:
        raise CannotRun(f"PORTAL_SYSTEM is {system!r}: must be new or legacy")
    port = environment.get("PORTAL_PORT") or "7007"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CannotRun(f"PORTAL_PORT is {port!r}: must be a number from 1 to 65535")
    config = tuple(Path(name).absolute() for name in (environment.get("PORTAL_CONFIG") or "").split(":") if name)
    for file in config:
        if not file.is_file():
            raise CannotRun(f"PORTAL_CONFIG names {file}: there is no such file")
    service = (environment.get("PORTAL_SERVICE") or "").rstrip("/")
    if service and not service.startswith(("http://", "https://")):
        raise CannotRun(f"PORTAL_SERVICE is {service!r}: must be an http or https address")
    data = Path(environment.get("PORTAL_DATA") or BACKSTAGE / "portal-data" / system).absolute()
    return Options(system, int(port), data, environment.get("PORTAL_GUEST") or "user:default/guest", service, config)


def check_port(port: int) -> None:
    """Raises CannotRun: somebody listens there."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotRun(f"port {port} cannot be used ({error.strerror}): set PORTAL_PORT to another") from error


async def make_admin_database(dsn: str) -> None:
    """Backstage connects to the database ``postgres`` to make those of its plugins."""
    connection = await asyncpg.connect(dsn)
    try:
        if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = 'postgres'"):
            await connection.execute("CREATE DATABASE postgres")
    finally:
        await connection.close()


def backend_environment(options: Options, dsn: str) -> dict[str, str]:
    # Node and yarn of backstage/tools; mkdocs and our command of .venv.
    path = [str(BACKSTAGE / "tools/node_modules/.bin"), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    endpoint = {"target": options.api_url, "plugins": ["analytics-internal"]}
    return {
        **os.environ,
        **({"APP_CONFIG_discovery_endpoints": json.dumps([endpoint])} if options.service else {}),
        "NODE_ENV": "production",
        "PATH": os.pathsep.join(path),
        "PORTAL_APP": APPS[options.system],
        "PORTAL_DATA": str(options.data),
        "PORTAL_GUEST": options.guest,
        "PORTAL_GUEST_FILE": str(options.guest_file),
        "PORTAL_PORT": str(options.port),
        "PORTAL_POSTGRES": parse_qs(urlsplit(dsn).query)["host"][0],
    }


@contextlib.asynccontextmanager
async def backend_running(options: Options, dsn: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The backend's process for as long as the context; what it says goes to <data>/backend.log."""
    command = ["node", "--require", "@backstage/cli/config/nodeTransform.cjs", "src/index.ts"]
    for file in (BACKSTAGE / "app-config.yaml", *options.config):
        command += ["--config", str(file)]
    with (options.data / "backend.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=BACKSTAGE / "packages/backend",
            env=backend_environment(options, dsn),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A session of its own: Ctrl-C in the terminal is for us, who stop things in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await end(process)


async def end(process: asyncio.subprocess.Process) -> None:
    """Stop the backend, and with it the service; whatever of both does not stop is killed."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
    except TimeoutError:
        print(f"portal: the backend did not stop within {STOP_LIMIT_S:.0f} s and is killed", file=sys.stderr)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def until_it_answers(options: Options) -> None:
    """Return when a person who signs in now finds everything there."""
    async with httpx.AsyncClient(base_url=options.url, timeout=30) as client:
        await _until(client, "/.backstage/health/v1/readiness")
        for name in DOCUMENTED:
            await _until(client, f"/api/catalog/entities/by-name/component/default/{name}")
        await _until(client, f"/api/catalog/entities/by-name/{_path_of(options.guest)}")
        # Local documentation is built when somebody first opens it, and searchable after that.
        for name in DOCUMENTED:
            await _until(client, f"/api/techdocs/sync/default/component/{name}")
        for index in ("software-catalog", "techdocs"):
            await _until_searchable(client, index)
        await _until(client, f"{options.api_url}/configuration")


async def _until(
    client: httpx.AsyncClient,
    path: str,
    method: str = "GET",
    is_enough: Callable[[httpx.Response], bool] = lambda answer: True,
) -> None:
    """Ask as the guest again and again until the answer is a success, and enough."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            answer = await client.request(method, path, headers=await _guest(client))
            if answer.is_success and is_enough(answer):
                return
        await asyncio.sleep(POLL_S)


async def _until_searchable(client: httpx.AsyncClient, index: str) -> None:
    """Let an index of the search be made anew, and wait until something is in it."""
    task = f"search_index_{index.replace('-', '_')}"
    await _until(client, f"/api/search/.backstage/scheduler/v1/tasks/{task}/trigger", "POST")
    question = f"/api/search/query?term=payments&types[0]={index}"
    await _until(client, question, is_enough=lambda answer: bool(answer.json()["results"]))


async def _guest(client: httpx.AsyncClient) -> dict[str, str]:
    """The header that says who is calling; empty while nobody can sign in."""
    answer = await client.get("/api/auth/guest/refresh", headers={"X-Requested-With": "XMLHttpRequest"})
    if not answer.is_success:
        return {}
    return {"Authorization": f"Bearer {answer.json()['backstageIdentity']['token']}"}


def _path_of(entity_ref: str) -> str:
    kind, _, rest = entity_ref.partition(":")
    namespace, _, name = rest.rpartition("/")
    return f"{kind}/{namespace or 'default'}/{name}"


async def run(options: Options) -> None:
    """Run the portal until SIGINT or SIGTERM.

    Raises:
        CannotRun: something of it ended by itself or did not start.
    """
    stopped = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopped.set)
    with DataDirLock(options.data):
        check_port(options.port)
        server = EmbeddedPostgres(options.data)
        try:
            dsn = await asyncio.to_thread(server.start)
            shutil.copyfile(BACKSTAGE / "catalog/guest.yaml", options.guest_file)
            await make_admin_database(dsn)
            async with backend_running(options, dsn) as backend:
                await until_stopped(options, backend, stopped)
        finally:
            await asyncio.to_thread(server.stop)


async def until_stopped(options: Options, backend: asyncio.subprocess.Process, stopped: asyncio.Event) -> None:
    """Say where the portal is once it answers, and return when it is to stop."""
    ended, stopping = asyncio.create_task(backend.wait()), asyncio.create_task(stopped.wait())
    answering = asyncio.create_task(until_it_answers(options))
    try:
        await asyncio.wait({ended, stopping, answering}, timeout=START_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
            print(introduction(options), flush=True)
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            log = options.data / "backend.log"
            what = "ended by itself" if ended.done() else f"did not answer within {START_LIMIT_S:.0f} s"
            raise CannotRun(f"the backend {what}; the end of {log}:\n{log.read_text(errors='replace')[-3000:]}")
    finally:
        for task in (ended, stopping, answering):
            task.cancel()


def introduction(options: Options) -> str:
    return f"""
portal: {options.url}/
  {options.system} frontend system; Enter signs in as {options.guest}
  Walk around: the catalog, an entity's docs, a search, Create. Then open Metrics in the sidebar,
  and see the usage card on the page of an entity.
  Backend and service write to {options.data / "backend.log"}. Ctrl-C stops all of it."""


def main() -> int:
    try:
        asyncio.run(run(options_from(os.environ)))
    except (CannotRun, DataDirInUse, EmbeddedPostgresError) as error:
        print(f"portal: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
