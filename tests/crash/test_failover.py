from pathlib import Path

from tests.crash.failover import failover


async def test_a_failover_to_a_standby_that_lags_gives_no_name_to_another(tmp_path: Path) -> None:
    count = await failover(rounds=2, folder=tmp_path)

    assert not count.problems, count.report()
    assert count.failovers == 2
    assert count.lost_with_primaries
