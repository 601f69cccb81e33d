"""One running service: its parts are started in order, and stopped without losing events."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
import uvicorn
import uvloop

from analytics_internal import cache, private, whereabouts
from analytics_internal.auth import (
    PERMISSIONS,
    AccessLists,
    Callers,
    Framework,
    Memberships,
    Permissions,
    PortalBackend,
    PortalTokens,
    Tokens,
)
from analytics_internal.catalog import CatalogFile, Following, NoSource, PortalCatalog, Source
from analytics_internal.data_dir import DataDirLock
from analytics_internal.embedded import EmbeddedPostgres
from analytics_internal.event import Acceptance, Portal
from analytics_internal.forward import child, described
from analytics_internal.http.app import make_app
from analytics_internal.http.connection import connecting_to
from analytics_internal.http.connections import Connections, limits_of, raise_file_limit
from analytics_internal.http.state import Service
from analytics_internal.listening import BACKLOG, listeners, own_url_of, url_of
from analytics_internal.log import (
    LogUnavailable,
    LogWriter,
    Partitions,
    Readiness,
    WriterLimits,
    connect_pool,
    id_key,
    migrations,
)
from analytics_internal.logs import configure_logs
from analytics_internal.query import Spool
from analytics_internal.reader import READER_FILE, Behind, Limits, Replica
from analytics_internal.scaffolder import Outcomes, Tasks
from analytics_internal.settings import Settings, bytes_of
from analytics_internal.stopping import Stop, Stopped, unless_stopped

CATCH_UP_INTERVAL_S = 5.0
READER_CONNECTIONS = 4

log = structlog.get_logger(__name__)


def run(settings: Settings) -> int:
    """Serve until SIGTERM, Ctrl-C or, with ``stop_with_stdin``, the end of standard input. Returns the exit code.

    Raises CommandError when it cannot start; the message says what to do.
    """
    configure_logs(settings.log_level, settings.log_format)
    raise_file_limit()
    cache.allow(settings.cache_bytes)
    with (
        private.umask(),
        DataDirLock(settings.data_dir),
        listeners(settings.host, settings.port) as sockets,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        whereabouts.forget(settings.data_dir)
        return runner.run(_serve(settings, sockets))


async def _serve(settings: Settings, sockets: list[socket.socket]) -> int:
    stop = Stop()
    stop.on_signals()
    if settings.stop_with_stdin:
        stop.on_end_of_stdin()
    async with contextlib.AsyncExitStack() as parts:
        try:
            service = await unless_stopped(stop, _start(settings, parts))
        except Stopped:
            return 0
        connections = Connections(limits_of(settings))
        await parts.enter_async_context(connections.watched())
        server = _Server(
            uvicorn.Config(
                make_app(service),
                http=connecting_to(connections),
                ws="none",
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=30,
                backlog=BACKLOG,
            ),
            settings.data_dir,
        )
        stopping = asyncio.create_task(server.stop_when(stop))
        await server.serve(sockets=sockets)
        stopping.cancel()
        return 0 if stop.was_asked else 1


async def _start(settings: Settings, parts: contextlib.AsyncExitStack) -> Service:
    """Start all parts that requests need; ``parts`` stops them."""
    dsn = await parts.enter_async_context(_database(settings))
    service = await parts.enter_async_context(_service(settings, dsn))
    await parts.enter_async_context(service.outcomes.followed())
    await parts.enter_async_context(child.forwarding(service.forwarding, service.pool))
    return service


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: the database must outlive the last answer."""

    def __init__(self, config: uvicorn.Config, data_dir: Path) -> None:
        super().__init__(config)
        self._data_dir = data_dir
        self._announced = contextlib.ExitStack()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def stop_when(self, stop: Stop) -> None:
        await stop.asked()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._announced.enter_context(whereabouts.announced(self._data_dir, [own_url_of(s) for s in sockets]))
            log.info("listening", urls=[url_of(listener) for listener in sockets])
            # One line for any number of addresses: programs read it.
            print(f"analytics-internal: {url_of(sockets[0])}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._announced.close()
        await super().shutdown(sockets)


def migrate(settings: Settings) -> int:
    """Bring the database's schema to the newest version and stop. Returns the exit code."""
    configure_logs(settings.log_level, settings.log_format)

    async def run_migrations() -> None:
        async with _database(settings) as dsn, await connect_pool(dsn, 1) as pool:
            await Partitions().keep_ahead(pool)
            log.info("schema is current", version=migrations.NEWEST)

    with DataDirLock(settings.data_dir) if settings.database_url is None else contextlib.nullcontext():
        asyncio.run(run_migrations())
    return 0


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[str]:
    """The DSN of a reachable, migrated database; the embedded one runs while the context lasts."""
    if settings.database_url is not None:
        await migrations.migrate(settings.database_url)
        yield settings.database_url
        return
    postgres = EmbeddedPostgres(settings.data_dir)
    starting = asyncio.create_task(asyncio.to_thread(postgres.start))
    try:
        dsn = await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting})  # a thread cannot be cancelled, and would leave its server behind
        await asyncio.to_thread(postgres.stop)
        raise
    watcher = asyncio.create_task(postgres.watch())
    try:
        await migrations.migrate(dsn)
        yield dsn
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher
        await asyncio.to_thread(postgres.stop)


@contextlib.asynccontextmanager
async def _service(settings: Settings, dsn: str) -> AsyncIterator[Service]:
    portal = Portal.at(settings.portal_url, frozenset(settings.kept_query_parameters))
    pool = await connect_pool(dsn, settings.flushers + READER_CONNECTIONS)
    async with pool.acquire() as connection:
        ids = await id_key.read(connection)
    writer = LogWriter(pool, _limits(settings), ids)
    replica = Replica(
        pool,
        settings.data_dir / READER_FILE,
        settings.reader_memory_limit,
        settings.reader_threads,
        Limits(settings.query_time_limit_seconds, settings.reader_scratch_limit),
        ZoneInfo(settings.timezone),
        settings.eligible_groups,
    )
    # Without authentication nobody's token is checked, and the portal is still asked about its tasks.
    portal_backend = PortalBackend(settings.portal_backend_url) if settings.portal_backend_url else None
    backend = portal_backend if settings.auth == "backstage" else None
    acceptance = Acceptance(
        timedelta(days=settings.accept_window_days), timedelta(seconds=settings.accept_future_seconds), portal
    )
    writer.start()
    readiness = Readiness(pool, writer)
    await readiness.begin()
    catalog = _catalog(settings)
    following = asyncio.create_task(_follow(replica))
    following_catalog = asyncio.create_task(Following(pool, catalog, settings.catalog_interval_seconds).follow())
    keeping = asyncio.create_task(readiness.keep())
    try:
        yield Service(
            settings=settings,
            pool=pool,
            writer=writer,
            id_key=ids,
            replica=replica,
            readiness=readiness,
            callers=_callers(settings, backend),
            permissions=_permissions(settings, backend),
            acceptance=acceptance,
            outcomes=Outcomes(
                pool,
                writer,
                Tasks(portal_backend, _portal_tokens(settings)) if portal_backend is not None else None,
                acceptance,
                settings.issuer_url,
                settings.scaffolder_interval_seconds,
            ),
            zone=ZoneInfo(settings.timezone),
            destinations=described(settings.destinations),
            forwarding=child.Order(dsn, settings.destinations, settings.log_level, settings.log_format),
            spool=Spool(settings.data_dir, bytes_of(settings.download_limit), bytes_of(settings.downloads_limit)),
        )
    finally:
        async with contextlib.AsyncExitStack() as parts:  # each is closed even if another fails
            parts.push_async_callback(pool.close)
            if portal_backend is not None:
                parts.push_async_callback(portal_backend.close)
            parts.push_async_callback(replica.close)
            parts.push_async_callback(writer.close)
            parts.push_async_callback(catalog.close)
            following.cancel()
            following_catalog.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following_catalog
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping


def _callers(settings: Settings, backend: PortalBackend | None) -> Callers:
    tokens = Tokens(backend, settings.issuer_url) if backend is not None else None
    return Callers(tokens, [token.get_secret_value() for token in settings.import_tokens])


def _catalog(settings: Settings) -> Source:
    if settings.catalog_file is not None:
        return CatalogFile(settings.catalog_file, settings.catalog_interval_seconds)
    if not settings.portal_backend_url:
        return NoSource(settings.catalog_interval_seconds)
    return PortalCatalog(settings.portal_backend_url, _portal_tokens(settings), settings.catalog_interval_seconds)


def _portal_tokens(settings: Settings) -> PortalTokens:
    token = settings.portal_token
    return PortalTokens(settings.portal_tokens_file, token.get_secret_value() if token is not None else None)


def _permissions(settings: Settings, backend: PortalBackend | None) -> Permissions:
    lists = AccessLists.of(settings.readers, settings.people_readers, settings.admins)
    if backend is None:
        return Permissions(lists)
    framework = Framework(backend, list(PERMISSIONS.values())) if settings.permissions == "framework" else None
    return Permissions(lists, Memberships(backend), framework)


async def _follow(replica: Replica) -> None:
    """Keep the reader up to date, so that the first question after a busy hour need not wait."""
    while True:
        try:
            await replica.catch_up(patience_s=3600)
        except (Behind, LogUnavailable):
            pass  # logged where it happened; the next round tries again
        except Exception:
            log.exception("the reader cannot follow the log")  # the next question gets the same error
        await asyncio.sleep(CATCH_UP_INTERVAL_S)


def _limits(settings: Settings) -> WriterLimits:
    return WriterLimits(
        buffer_events=settings.buffer_events,
        buffer_bytes=settings.buffer_bytes,
        flushers=settings.flushers,
        linger_ms=settings.linger_ms,
        rejected_events=settings.rejected_limit,
        rejected_retention=timedelta(days=settings.rejected_retention_days),
    )
