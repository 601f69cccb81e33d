"""Checks the invariants of a live installation and says what is wrong.

The invariants: positions are gapless and in the order of commits, an id is stored once, every event is named, and the
reader's counts are the log's for every (day, item, person). Destinations have counted every event that they passed.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import msgspec

from analytics_internal.client.remote import RemoteError, address_in, problem_of
from analytics_internal.data_dir import DataDirInUse, DataDirLock
from analytics_internal.dimensions import MEASUREMENTS, TABLES
from analytics_internal.embedded import EmbeddedPostgres, running_dsn
from analytics_internal.errors import CommandError, WrongUse
from analytics_internal.forward import state
from analytics_internal.log import (
    NEWEST,
    Connection,
    connect,
    connect_pool,
    contents,
    load,
    version_on,
)
from analytics_internal.masking import masked_text
from analytics_internal.query import FORMATS, next_bucket, pieces_of, prepare
from analytics_internal.query.parse import parse
from analytics_internal.reader import READER_FILE, Replica, one_for_all
from analytics_internal.settings import Settings
from analytics_internal.whereabouts import service_of

SQL = load(Path(__file__).with_name("doctor.sql"))
SHOWN = 5
STANDS_STILL_S = 600.0
"""An event that waits longer for a destination that does not move means that something is wrong."""
NOT_ASKED = "the running service could not be asked"
HOW_TO_ASK = (
    "--token takes one of the service's import_tokens, which a portal's app-config has in "
    "analyticsInternal.importTokens; --url takes another address of the service, like the portal's backend"
)
PLAIN_ENOUGH = (CommandError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""Errors that end the command with one line: there is no database to examine."""
Counts = dict[tuple[str, str, str], int]
Check = Callable[[Connection, str], Awaitable["Finding"]]
"""Checks one thing; the text says that it is well."""
LONG_NOT_READ = 4
"""After so many intervals the catalog is said not to be read."""
ReaderCounts = Callable[[date, date], Awaitable[tuple[int, Counts]]]
"""The reader's events from one day to another, by (day, item id, person or ''), and the position they are of."""


class Finding(msgspec.Struct, frozen=True):
    """The outcome of one check."""

    is_well: bool
    text: str
    is_checked: bool = True
    """False when it could not be checked, which is not an error."""

    @property
    def mark(self) -> str:
        if not self.is_checked:
            return "-    "
        return "ok   " if self.is_well else "WRONG"


def run(settings: Settings, url: str | None, token: str | None = None) -> int:
    """Check and print. Returns 0 when nothing is wrong, 1 when something is.

    If a service runs on the data folder, its reader is asked, at ``url`` or at the address in the folder. Otherwise the
    reader's file is opened here.
    """

    async def check() -> int:
        wrong = unchecked = 0
        try:
            async for finding in examine(settings, url, token):
                print(finding.mark, masked_text(finding.text), flush=True)
                wrong += finding.is_checked and not finding.is_well
                unchecked += not finding.is_checked
        except PLAIN_ENOUGH:
            raise
        except Exception as error:  # a damaged database can cause any error
            wrong += 1
            print("WRONG", masked_text(f"the examination ended early: {_in_one_line(error)}"), flush=True)
        well = "All that was checked is well." if unchecked else "All is well."
        print(well if not wrong else f"{wrong} of the checks found something wrong.")
        return 1 if wrong else 0

    return asyncio.run(check())


async def examine(settings: Settings, url: str | None, token: str | None = None) -> AsyncIterator[Finding]:
    """Every finding, in the order of the checks."""
    async with contextlib.AsyncExitStack() as stack:
        is_running = False
        try:
            stack.enter_context(DataDirLock(settings.data_dir))
        except DataDirInUse:
            is_running = True
        dsn = await _database(settings, stack, is_running)
        connection = await connect(dsn)
        stack.push_async_callback(connection.close)
        found = await version_on(connection)
        yield Finding(found == NEWEST, f"the schema is {found}, this program's is {NEWEST}")
        if found != NEWEST:
            return
        for what, check in CHECKS:
            try:
                finding = await check(connection, what)
            except asyncpg.PostgresError as error:
                finding = Finding(False, f"could not be checked: {what}: {_in_one_line(error)}")
            yield finding
        yield await _catalog(connection, settings.catalog_interval_seconds if is_running else None)
        for finding in await _destinations(connection, {str(one["name"]) for one in settings.destinations}):
            yield finding
        if not is_running:
            try:
                reader, zone = await _opened(settings, dsn, stack), settings.timezone
            except Exception as error:
                yield Finding(False, f"the reader cannot read the log: {_in_one_line(error)}")
                return
        else:
            try:
                place = url or service_of(settings.data_dir)
                zone = await _zone_of(address_in(place, "/configuration"), token)
                reader = _asked(address_in(place, "/query"), token)
            except WrongUse as error:
                yield _not_compared(error)
                return
        try:
            async for finding in _compare(connection, zone, reader):
                yield finding
        except Exception as error:
            yield Finding(False, f"the reader could not be compared with the log: {_in_one_line(error)}")


def _no_rows(name: str, bad: str) -> Check:
    """A statement that finds what is wrong."""

    async def check(connection: Connection, good: str) -> Finding:
        return _unless(good, bad, [str(tuple(map(str, row))) for row in await connection.fetch(SQL[name])])

    return check


def _unless(good: str, bad: str, found: Sequence[str]) -> Finding:
    if not found:
        return Finding(True, good)
    return Finding(False, f"{len(found)} {bad}: {', '.join(found[:SHOWN])}{' …' if len(found) > SHOWN else ''}")


async def _missing_events(connection: Connection, good: str) -> Finding:
    row = await connection.fetchrow(SQL["missing_events"])
    if row is None or row["events"] is None:
        return Finding(True, good)
    return Finding(
        False,
        f"{row['events']:,} events are missing from the log between the positions {row['first']:,} and "
        f"{row['last']:,}: a month's partition was dropped, or rows were deleted (meta.missing_events of answers)",
    )


async def _contents(connection: Connection, good: str) -> Finding:
    changed = [str(id_) async for id_ in contents.changed_events(connection)]
    bad = (
        "events say something else than when they were stored: names of theirs changed hands, or rows "
        "were changed by hand; as id"
    )
    return _unless(good, bad, changed)


async def _names(connection: Connection, good: str) -> Finding:
    changed: list[str] = []
    for table in TABLES:
        changed += [f"{table} {number}" async for number in contents.changed_names(connection, table)]
    return _unless(good, "names were changed", changed)


async def _destinations(connection: Connection, configured: set[str]) -> list[Finding]:
    """What there is to say of each destination."""
    try:
        rows = await state.overviews(connection)
    except asyncpg.PostgresError as error:
        return [Finding(False, f"could not be checked: the destinations: {_in_one_line(error)}")]
    return [_destination(row, row.name in configured) for row in rows]


def _destination(row: state.Overview, is_configured: bool) -> Finding:
    what = f"the destination {row.name} is at position {row.position:,} of {row.head:,}"
    if not is_configured:
        return Finding(True, f"{what}; it is not configured here, and keeps its position", is_checked=False)
    if row.stopped_because is not None or row.is_paused:
        why = "paused" if row.is_paused else "stopped, as its receiver wants no more events"
        return Finding(True, f"{what}; it is {why}: `analytics-internal destinations resume {row.name}` goes on")
    waits_s = (datetime.now(UTC) - row.moved_at).total_seconds()
    if row.lag_seconds > STANDS_STILL_S and waits_s > STANDS_STILL_S:
        because = f": {row.error}" if row.failures and row.error else ", and no failure says why: does the service run?"
        return Finding(False, f"{what}, and has not moved for {waits_s / 60:,.0f} minutes{because}")
    return Finding(True, what + (f"; {row.dead_letters:,} dead letters" if row.dead_letters else ""))


async def _catalog(connection: Connection, interval_s: float | None) -> Finding:
    """How the portal's catalog is known. ``interval_s``: how often a service that runs now should read it."""
    row = await connection.fetchrow(SQL["catalog_state"])
    if row is None:
        return Finding(False, "the table catalog has no row: nothing can be known of the portal's catalog")
    if row["first_read_at"] is None:
        why = f": {row['error']}" if row["error"] else ""
        is_wanted = row["error"] is not None and row["source"] != "none"
        return Finding(True, f"the portal's catalog was never read{why}", is_checked=not is_wanted)
    known = (
        f"the portal's catalog is known as of {row['read_at']:%Y-%m-%d %H:%M} UTC: {row['entities']:,} entities, "
        f"{row['users']:,} of them users, in {row['versions']:,} versions"
    )
    if row["failed_at"] is not None:
        return Finding(False, f"{known}; since {row['failed_at']:%Y-%m-%d %H:%M} UTC it is not read: {row['error']}")
    if interval_s is not None and row["age_s"] > LONG_NOT_READ * max(interval_s, 60):
        return Finding(False, f"{known}; no service has read it since, though it is due every {interval_s:g} s")
    return Finding(True, known)


async def _sizes(connection: Connection, _: str) -> Finding:
    row = await connection.fetchrow(SQL["sizes"])
    assert row is not None
    return Finding(
        True, f"{row['events']:,} events in {row['batches']:,} batches, {row['rejected']:,} refused events kept"
    )


CHECKS: tuple[tuple[str, Check], ...] = (
    ("the log has one head", _no_rows("no_head", "log_head must have one row; rows found")),
    (
        "positions are gapless from 1 to the head",
        _no_rows("gaps", "positions with a gap or an overlap, as (position, expected)"),
    ),
    (
        "every batch has all its events",
        _no_rows("incomplete_batches", "batches whose events are not theirs, as (batch, due, found)"),
    ),
    (
        "every event has a place in the log",
        _no_rows("events_without_place", "events of batches that have no place, as (id, batch)"),
    ),
    (
        "every event's item, person, agent, plugin, entity, path and context is named",
        _no_rows("unnamed", "names that are missing, as (kind, number, events)"),
    ),
    (
        "no event happened before 2000 or after it was received by more than a day",
        _no_rows("impossible_times", "events with impossible times, as (id, time)"),
    ),
    (
        "every table's next number is free",
        _no_rows(
            "sequences_behind",
            "identity sequences behind their tables (the service sets them forward when it needs to), as "
            "(table, number taken, number given)",
        ),
    ),
    (
        "every event is in the month of its id",
        _no_rows("misplaced", "events outside of the months of partitions, as (id,)"),
    ),
    ("no event is missing", _missing_events),
    ("every event says what it said when it was stored", _contents),
    ("every name is the one that its number was made for", _names),
    (
        "every destination has counted the events up to its position",
        _no_rows("miscounted_destinations", "destinations with other counts, as (name, passed, counted)"),
    ),
    (
        "no destination is beyond the log's head",
        _no_rows("destinations_beyond_the_head", "destinations or replays beyond the head, as (name, position)"),
    ),
    (
        "every dead letter's event is in the log",
        _no_rows("dead_letters_without_event", "dead letters without their event, as (destination, position, id)"),
    ),
    (
        "the catalog's entities have one version at a time",
        _no_rows("overlapping_entities", "versions of entities begin before the one before has ended, as (ref, times)"),
    ),
    (
        "the catalog's memberships do not overlap",
        _no_rows(
            "overlapping_memberships", "memberships begin before the one before has ended, as (member, team, times)"
        ),
    ),
    (
        "the catalog's refs are spelled as events spell them",
        _no_rows("misspelled_refs", "refs of the catalog that no event can have"),
    ),
    (
        "no change of the catalog is later than it was read",
        _no_rows("catalog_after_its_time", "changes of the catalog that are ahead of the clock, as (revision, times)"),
    ),
    ("the log's size", _sizes),
)


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


async def _database(settings: Settings, stack: contextlib.AsyncExitStack, is_running: bool) -> str:
    if settings.database_url is not None:
        return settings.database_url
    if is_running:
        return running_dsn(settings.data_dir)
    postgres = EmbeddedPostgres(settings.data_dir)
    dsn = await asyncio.to_thread(postgres.start)
    stack.callback(postgres.stop)
    return dsn


async def _opened(settings: Settings, dsn: str, stack: contextlib.AsyncExitStack) -> ReaderCounts:
    """The reader's file, opened here as no service has it open."""
    pool = await connect_pool(dsn, 2)
    stack.push_async_callback(pool.close)
    replica = Replica(
        pool,
        settings.data_dir / READER_FILE,
        settings.reader_memory_limit,
        settings.reader_threads,
        zone=ZoneInfo(settings.timezone),
        eligible_groups=settings.eligible_groups,
    )
    stack.push_async_callback(replica.close)
    await replica.catch_up(patience_s=86_400)

    async def counts(first: date, last: date) -> tuple[int, Counts]:
        query, wire = parse(_question(first, last), allow_no_limit=True)
        prepared = await prepare(replica, query, wire, ZoneInfo(settings.timezone))
        text = b"".join([chunk async for chunk in pieces_of(replica, prepared, FORMATS["csv"])])
        return prepared.page.position, _parsed(text.decode())

    return counts


async def _zone_of(url: str, token: str | None) -> str:
    """The reporting zone of a running service, which may differ from this command's."""
    response = await _answered(token, "GET", url)
    try:
        return msgspec.json.decode(response.content, type=_Configuration).time_zone
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RemoteError(f"{NOT_ASKED}: it does not answer like analytics-internal") from error


class _Configuration(msgspec.Struct):
    time_zone: str


async def _answered(
    token: str | None, method: str, url: str, content: bytes | None = None, accept: str = "*/*"
) -> httpx.Response:
    """Raises RemoteError."""
    headers = {"accept": accept, **({"authorization": f"Bearer {token}"} if token else {})}
    try:
        async with httpx.AsyncClient(timeout=600) as client:
            response = await client.request(method, url, content=content, headers=headers)
    except httpx.HTTPError as error:
        raise RemoteError(f"{NOT_ASKED}: {str(error) or type(error).__name__}") from error
    if not response.is_success:
        hint = f" ({HOW_TO_ASK})" if response.status_code in {401, 403} else ""
        raise RemoteError(f"{NOT_ASKED}: {response.status_code}: {problem_of(response)}{hint}")
    return response


def _asked(url: str, token: str | None) -> ReaderCounts:
    """The reader of a running service."""

    async def counts(first: date, last: date) -> tuple[int, Counts]:
        response = await _answered(token, "POST", url, _question(first, last), "text/csv")
        return int(response.headers["x-log-position"]), _parsed(response.text)

    return counts


def _not_compared(error: WrongUse) -> Finding:
    return Finding(True, f"the reader was not compared with the log: {error}", is_checked=False)


def _question(first: date, last: date) -> bytes:
    return msgspec.json.encode(
        {
            "metrics": ["events"],
            # With `agent`, the answer is not about people alone.
            "dimensions": ["time:day", "item", "person", "agent"],
            "date_range": {"from": str(first), "to": str(last)},
            "limit": None,
        }
    )


def _parsed(text: str) -> Counts:
    counts: Counts = Counter()
    for row in csv.DictReader(text.splitlines()):
        counts[row["time:day"], row["item.id"], row["person"]] += int(row["events"])
    return counts


async def _same_items(connection: Connection) -> dict[int, int]:
    """The items that the reader counts as one: spellings of one page."""
    actions = {row["action_id"]: row["name"] for row in await connection.fetch(SQL["actions"])}
    return one_for_all([tuple(row) for row in await connection.fetch(SQL["items"])], actions)


async def _compare(connection: Connection, zone: str, reader: ReaderCounts) -> AsyncIterator[Finding]:
    """Month by month, to save memory on both sides."""
    bounds = await connection.fetchrow(SQL["days"], zone)
    if bounds is None or bounds["first"] is None:
        yield Finding(True, "the log is empty, and so is the reader")
        return
    month: date = bounds["first"].replace(day=1)
    compared = 0
    while month <= bounds["last"]:
        following = next_bucket(month, "time:month")
        try:
            position, theirs = await reader(month, following - timedelta(days=1))
        except RemoteError as error:
            yield _not_compared(error)
            return
        rows = await connection.fetch(SQL["counts"], zone, month, following, position, MEASUREMENTS)
        same = await _same_items(connection)
        ours: Counts = Counter()
        for row in rows:
            item = same.get(row["item_id"], row["item_id"])
            ours[str(row["day"]), str(item), row["person"] or ""] += row["events"]
        as_counted: Counts = Counter()
        for (day, number, person), events in theirs.items():
            as_counted[day, str(same.get(int(number), int(number))), person] += events
        if ours != as_counted:
            different = sorted(ours.items() ^ as_counted.items())[:SHOWN]
            yield Finding(
                False,
                f"the reader differs from the log in {month:%Y-%m}, for example at {different}; without its file "
                f"({READER_FILE}) it reads the log anew",
            )
        compared += len(ours)
        month = following
    yield Finding(True, f"the reader was compared with the log at {compared:,} (day, item, person) counts")
