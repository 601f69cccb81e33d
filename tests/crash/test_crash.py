from pathlib import Path

from tests.crash.crash import crash


async def test_what_was_acknowledged_survives_kills_of_both_sides(tmp_path: Path) -> None:
    count = await crash(rounds=4, folder=tmp_path)

    assert not count.problems, count.report()
    assert (count.kills_of_service, count.kills_of_postgres) == (2, 2)
    assert count.acked
