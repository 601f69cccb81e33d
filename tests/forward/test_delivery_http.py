"""The worker and a real HTTP receiver that hangs, resets, and answers 500, 429, 413 and garbage."""

from __future__ import annotations

import random

from analytics_internal.log.connection import Pool
from tests.crash.hostile import MODES, POISON, HostileReceiver
from tests.forward.working import destination


async def test_a_hostile_receiver_gets_every_event_in_order(pool: Pool, dsn: str) -> None:
    receiver = HostileReceiver(random.Random(8), hostility=0.5)
    await receiver.start()
    options = {"url": receiver.url, "timeout_s": 0.3, "max_events": 7}
    try:
        async with destination(pool, dsn, type="webhook", options=options) as worked:
            await worked.store(*(POISON if number % 50 == 9 else f"/{number}" for number in range(1, 121)))
            async with worked.working():
                await worked.until(lambda row: row.position > 60)
                receiver.is_hostile = False
                row = await worked.caught_up()
    finally:
        await receiver.stop()

    poison = [number for number in range(1, 121) if number % 50 == 9]
    first_arrivals = list(dict.fromkeys(position for position, _ in receiver.events))
    assert first_arrivals == [number for number in range(1, 121) if number not in poison]
    assert len(set(receiver.events)) == len(first_arrivals)  # repeats carry the same id
    assert sorted(await worked.letters()) == poison
    assert (row.delivered, row.dead, row.failures) == (117, 3, 0)
    assert row.failed_attempts > 0
    assert set(receiver.met) & set(MODES)
