"""A process that catches up in small chunks, to be killed: ``python -m tests.reader.catch_up DSN FILE``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from analytics_internal.log.connection import connect_pool
from analytics_internal.reader import replica


async def main(dsn: str, path: Path) -> None:
    replica.CHUNK_EVENTS = 100
    pool = await connect_pool(dsn, size=2)
    reader = replica.Replica(pool, path)
    print("ready", flush=True)
    await reader.catch_up()
    print("done", flush=True)
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
