"""What was stored is recognised by what the log holds of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_internal.dimensions import TABLES
from analytics_internal.event.event import Rejection
from analytics_internal.log import contents
from analytics_internal.log.connection import Pool
from analytics_internal.log.writer import LogWriter
from tests.log.model import emptied
from tests.samples import ANA, event, judged, navigation, receipt, recorded

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
fields = st.dictionaries(texts, st.none() | st.booleans() | numbers | texts, max_size=5)


async def changed(pool: Pool) -> list[object]:
    async with pool.acquire() as connection:
        found: list[object] = [id_ async for id_ in contents.changed_events(connection)]
        for table in TABLES:
            found += [(table, number) async for number in contents.changed_names(connection, table)]
    return found


@settings(max_examples=12)
@given(
    wires=st.lists(
        st.fixed_dictionaries(
            {"action": texts.filter(bool), "subject": texts, "attributes": fields, "context": fields},
            optional={"value": st.floats(allow_nan=False, allow_infinity=False), "sessionId": texts, "agent": texts},
        ),
        min_size=5,
        max_size=40,
    )
)
async def test_whatever_was_stored_is_what_it_was(pool: Pool, wires: list[dict[str, Any]]) -> None:
    await emptied(pool)
    events = [one for one in map(judged, wires) if not isinstance(one, Rejection)]
    writer = LogWriter(pool)
    writer.start()
    await writer.append(events)
    await writer.close()

    assert await changed(pool) == []


async def test_recorded_events_are_what_they_were(pool: Pool) -> None:
    writer = LogWriter(pool)
    writer.start()
    for name in ("backstage-new-app.jsonl", "backstage-legacy-app.jsonl", "original-module-posts.jsonl"):
        by = receipt(ANA, may_name_person=True)
        await writer.append([judged({**wire, "occurredAt": None}, by=by) for wire in recorded(name)])
    await writer.append([event("/a?b=1", more={"value": -0.0, "attributes": {"n": 1e300, "m": 5e-324}})])
    await writer.close()

    assert await changed(pool) == []


async def test_a_changed_name_is_found(pool: Pool) -> None:
    writer = LogWriter(pool)
    writer.start()
    events = [event("/a"), event("/b", person="user:default/bo"), event(str(navigation()["subject"]))]
    await writer.append(events)
    await writer.close()
    await pool.execute("UPDATE event SET person_id = (SELECT person_id FROM person WHERE ref = 'user:default/bo')")

    assert set(await changed(pool)) == {events[0].id, events[2].id}

    await pool.execute("UPDATE item SET subject = '/other' WHERE subject = '/b'")
    number = await pool.fetchval("SELECT item_id FROM item WHERE subject = '/other'")
    assert ("item", number) in await changed(pool)
