"""The figures of destinations for Prometheus. They come from PostgreSQL, so that all replicas say the same."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence

import asyncpg
import structlog
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from analytics_internal.forward import state
from analytics_internal.forward.state import Overview
from analytics_internal.log import TRANSIENT_ERRORS, Pool

REFRESH_S = 5.0
PREFIX = "analytics_internal_destination_"

COUNTERS: dict[str, tuple[str, Callable[[Overview], float]]] = {
    "delivered": ("Events that the receiver has confirmed, without replays", lambda one: one.delivered),
    "filtered": ("Events that the destination's filters kept back", lambda one: one.filtered),
    "dead": ("Events that became dead letters", lambda one: one.dead),
    "failed_attempts": ("Requests that failed and were or will be sent again", lambda one: one.failed_attempts),
    "redelivered": ("Events that replays delivered once more", lambda one: one.redelivered),
}
GAUGES: dict[str, tuple[str, Callable[[Overview], float]]] = {
    "dead_letters": ("Dead letters that there are now", lambda one: one.dead_letters),
    "lag_events": ("Stored events whose turn has not come", lambda one: one.lag_events),
    "lag_seconds": ("Age of the oldest of these events; 0 if there is none", lambda one: one.lag_seconds),
    "paused": ("1 while somebody has paused it", lambda one: one.is_paused),
    "stopped": ("1 if its receiver wants no more events", lambda one: one.stopped_because is not None),
}

log = structlog.get_logger(__name__)


class Figures(Collector):
    """The newest figures; none while the database cannot be asked: old ones would look as if all were well."""

    def __init__(self) -> None:
        self.overviews: Sequence[Overview] = ()

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        for name, (meaning, value) in COUNTERS.items():
            counter = CounterMetricFamily(PREFIX + name, meaning, labels=["destination"])
            for one in self.overviews:
                counter.add_metric([one.name], value(one))
            yield counter
        for name, (meaning, value) in GAUGES.items():
            gauge = GaugeMetricFamily(PREFIX + name, meaning, labels=["destination"])
            for one in self.overviews:
                gauge.add_metric([one.name], value(one))
            yield gauge


@contextlib.asynccontextmanager
async def watching(pool: Pool, names: Collection[str]) -> AsyncIterator[None]:
    """Offer the figures of these destinations for as long as the context lasts."""
    figures = Figures()
    REGISTRY.register(figures)
    refreshing = asyncio.create_task(_refresh(figures, pool, names))
    try:
        yield
    finally:
        REGISTRY.unregister(figures)
        refreshing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await refreshing


async def _refresh(figures: Figures, pool: Pool, names: Collection[str]) -> None:
    was_told = False
    while True:
        try:
            async with pool.acquire() as connection:
                overviews = await state.overviews(connection)
        except (*TRANSIENT_ERRORS, asyncpg.PostgresError) as error:
            figures.overviews = ()
            if not was_told:
                log.warning("destinations cannot be watched", error=type(error).__name__)
            was_told = True
        else:
            figures.overviews = [one for one in overviews if one.name in names]
            was_told = False
        await asyncio.sleep(REFRESH_S)
