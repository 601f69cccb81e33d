"""What ``doctor`` says of the catalog."""

from __future__ import annotations

import pytest

from analytics_internal.catalog.history import History
from analytics_internal.catalog.source import NoSource
from analytics_internal.doctor import CHECKS, _catalog
from analytics_internal.log.connection import Pool
from tests.catalog.kept import entity, found, user
from tests.catalog.known import KnownEntity, KnownMembership, know
from tests.reader.test_catalog import at

WEB = "component:default/web"


async def wrong(pool: Pool) -> list[str]:
    """The findings of the catalog's checks that are not well."""
    async with pool.acquire() as connection:
        findings = [await check(connection, what) for what, check in CHECKS if "catalog" in what]
    assert len(findings) == 4
    return [finding.text for finding in findings if not finding.is_well]


async def state(pool: Pool, interval_s: float | None = 300) -> tuple[str, str]:
    async with pool.acquire() as connection:
        finding = await _catalog(connection, interval_s)
    return finding.mark.strip(), finding.text


async def test_a_history_that_was_read_is_well(pool: Pool) -> None:
    history = History(pool)
    for owner in ("core", "platform"):
        await history.claim(0)
        await history.take(found(entity("Component", "web", owner=owner, system="s"), user("ana", owner)), "a test")
    assert await wrong(pool) == []
    mark, text = await state(pool)
    assert mark == "ok"
    assert "2 entities, 1 of them users, in 3 versions" in text


@pytest.mark.parametrize(
    ("entities", "members", "why"),
    [
        ([KnownEntity(WEB, valid_to=at(5)), KnownEntity(WEB, valid_from=at(4))], [], "of entities begin before"),
        ([], [KnownMembership("user:default/ana", "group:default/core", valid_to=at(5)),
              KnownMembership("user:default/ana", "group:default/core", valid_from=at(4))], "memberships begin before"),
        ([KnownEntity("component:default/Web")], [], "no event can have: ('component:default/Web',)"),
        ([KnownEntity(WEB, owner="core")], [], "no event can have: ('core',)"),
    ],
)  # fmt: skip
async def test_what_must_not_be_is_found(
    pool: Pool, entities: list[KnownEntity], members: list[KnownMembership], why: str
) -> None:
    await know(pool, entities, members)
    assert [why in text for text in await wrong(pool)] == [True]


async def test_a_catalog_that_is_not_read_is_wrong_only_where_it_should_be(pool: Pool) -> None:
    history = History(pool)
    assert (await state(pool))[0] == "ok"
    await history.claim(0)
    await history.failed(NoSource.name, "no catalog is configured")
    assert (await state(pool))[0] == "ok"
    await history.claim(0)
    await history.failed("the portal", "it did not answer")
    assert await state(pool) == ("-", "the portal's catalog was never read: it did not answer")
    await history.claim(0)
    await history.take(found(user("ana")), "the portal")
    await pool.execute("UPDATE catalog SET read_at = now() - interval '1 hour', changed_at = now() - interval '1 hour'")
    mark, text = await state(pool)
    assert mark == "WRONG"
    assert "no service has read it since, though it is due every 300 s" in text
    assert (await state(pool, None))[0] == "ok"  # no service runs
    await history.claim(0)
    await history.failed("the portal", "it did not answer")
    assert "it is not read: it did not answer" in (await state(pool))[1]
