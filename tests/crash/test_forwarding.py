from pathlib import Path

from tests.crash.forwarding import VICTIMS, forwarding


async def test_every_stored_event_arrives_in_order_through_kills_and_hostile_receivers(tmp_path: Path) -> None:
    count = await forwarding(rounds=3, folder=tmp_path)

    assert not count.problems, count.report()
    assert set(count.killed) == set(VICTIMS)
    assert count.stored
