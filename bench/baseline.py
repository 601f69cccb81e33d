"""The baselines of the service, on the same server: uvicorn, uvloop, httptools, Starlette.

`python -m bench.baseline naive --database-url URL` stores events as the original does: find the item by its subject,
insert it if new, update its count, find the user's row, insert it if new, else update it. Each statement is a round
trip and a transaction, over a pool of ten connections as in knex. (We do not know what the original does with a known
user's row. Four statements for a known item and five for a new one are the fewest that explain its rows and answers.)

`python -m bench.baseline no-store` is the service with a log writer that answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from analytics_internal.auth.callers import Callers
from analytics_internal.auth.permissions import AccessLists, Permissions
from analytics_internal.event.event import Event, Rejection
from analytics_internal.event.validation import Acceptance
from analytics_internal.event.wire import Verdict
from analytics_internal.forward import child
from analytics_internal.http.app import make_app
from analytics_internal.http.connection import connecting_to
from analytics_internal.http.connections import Connections, Limits
from analytics_internal.http.state import Service
from analytics_internal.log.connection import Pool
from analytics_internal.log.id_key import IdKey
from analytics_internal.log.readiness import Readiness
from analytics_internal.log.statements import load
from analytics_internal.log.writer import LogWriter
from analytics_internal.query.spool import Spool
from analytics_internal.reader.replica import Replica
from analytics_internal.scaffolder import Outcomes
from analytics_internal.settings.sources import load as load_settings

SQL = load(Path(__file__).with_name("naive.sql"))
NAIVE_CONNECTIONS = 10
EVENTS = "/api/analytics-internal/events"


class _SentEvent(msgspec.Struct):
    action: str
    subject: str
    user: str


class _SentEvents(msgspec.Struct):
    events: list[_SentEvent]


_event = msgspec.json.Decoder(_SentEvent)
_events = msgspec.json.Decoder(_SentEvents)
_encoder = msgspec.json.Encoder()


def naive_app(pool: Pool) -> ASGIApp:
    """The original's method."""

    async def take(request: Request) -> Response:
        body = await request.body()
        events = _events.decode(body).events if body.startswith(b'{"events"') else [_event.decode(body)]
        for event in events:
            await store_as_original(pool, event.action, event.subject, event.user)
        results = [{"status": "stored"}] * len(events)
        return Response(_encoder.encode({"success": True, "results": results}), media_type="application/json")

    return Starlette(routes=[Route(EVENTS, take, methods=["POST"])])


async def store_as_original(pool: Pool, action: str, subject: str, user: str) -> None:
    item = await pool.fetchval(SQL["find_item"], subject)
    if item is None:
        item = await pool.fetchval(SQL["insert_item"], action, subject)
    await pool.execute(SQL["count_access"], item)
    row = await pool.fetchval(SQL["find_user"], item, user)
    if row is None:
        await pool.execute(SQL["insert_user"], item, user)
    else:
        await pool.execute(SQL["touch_user"], row)


class _NoLog:
    """Answers like the log writer but stores nothing."""

    async def append(self, entries: Sequence[Event | Rejection], size: int = 0) -> list[Verdict]:
        return [Verdict(str(entry.id), "stored" if isinstance(entry, Event) else "rejected") for entry in entries]


def no_store_app() -> ASGIApp:
    """The service without its log."""
    return make_app(
        Service(
            settings=load_settings({"auth": "none"})[0],
            pool=cast("Pool", None),
            writer=cast("LogWriter", _NoLog()),
            id_key=IdKey(b"none", None),
            replica=cast("Replica", None),
            readiness=cast("Readiness", None),
            callers=Callers(None),
            permissions=Permissions(AccessLists.of([], [], [])),
            acceptance=Acceptance(timedelta(days=7)),
            outcomes=cast("Outcomes", None),
            zone=ZoneInfo("UTC"),
            spool=Spool(Path()),
            forwarding=child.Order("", []),
            destinations={},
        )
    )


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup()
        print(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}/", flush=True)


async def _serve(app: ASGIApp) -> None:
    connections = Connections(Limits())
    config = uvicorn.Config(
        app,
        http=connecting_to(connections),
        ws="none",
        port=0,
        log_config=None,
        proxy_headers=False,
        access_log=False,
        lifespan="off",
        backlog=2048,
    )
    async with connections.watched():
        await _Server(config).serve()


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=["naive", "no-store"])
    parser.add_argument("--database-url")
    asked = parser.parse_args()
    if asked.way == "no-store":
        await _serve(no_store_app())
        return
    async with asyncpg.create_pool(asked.database_url, min_size=NAIVE_CONNECTIONS, max_size=NAIVE_CONNECTIONS) as pool:
        await _serve(naive_app(pool))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
