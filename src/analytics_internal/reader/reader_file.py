"""The reader's DuckDB file: its tables, and rows in and out. Blocking: callers use threads."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from analytics_internal.days import shifts_of
from analytics_internal.dimensions import EVENT_IDS, MEASUREMENTS, READ_TABLES, TABLES
from analytics_internal.errors import ReaderBehind
from analytics_internal.log import Place
from analytics_internal.reader import attributed, catalog, day_tables, numbered
from analytics_internal.reader.holes import Holes
from analytics_internal.reader.respelled import RESPELLED, Key, Settled, derived, has_moved, settle
from analytics_internal.reader.sorting import create_sort_key

READER_VERSION = 9
"""To be raised when what is kept changes while the tables stay the same. Files of other versions are rebuilt."""
STAGED_COLUMNS = {
    "position": "BIGINT",
    "occurred_at": "TIMESTAMP",
    **dict.fromkeys(EVENT_IDS, "INTEGER"),
    "value": "DOUBLE",
    "session_id": "UUID",
    "attributes_hash": "BIGINT",
    "attributes": "VARCHAR",
}
"""As the log's COPY writes them (``columns_after``)."""
EVENT_COLUMNS = {
    "position": "BIGINT",
    "occurred_at": "TIMESTAMP",
    "day": "INTEGER",
    "action_id": "INTEGER",
    **dict.fromkeys(EVENT_IDS, "INTEGER"),
    "value": "DOUBLE",
    "session": "INTEGER",
    "attributes_id": "INTEGER",
}
"""Of an event and of a measurement. ``day`` is that of the reporting zone, in days since 1970."""
SCHEMA = [
    f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(f'{column} {type_}' for column, type_ in columns.items())})"
    for name, columns in {
        "reader": {"version": "INTEGER", "log_id": "UUID", "position": "BIGINT", "last_batch_id": "BIGINT"},
        "zone": {"name": "VARCHAR"},
        "day_shift": {"starts_at": "TIMESTAMP", "shift_us": "BIGINT"},
        "hole": {"first_position": "BIGINT", "last_position": "BIGINT"},
        "respelled": {"kind": "VARCHAR", "stored_id": "INTEGER", "id": "INTEGER"},
        "event": EVENT_COLUMNS,
        "measurement": EVENT_COLUMNS,
        **numbered.TABLES,
        **day_tables.TABLES,
        **catalog.CATALOG_TABLES,
        **{name: {table.id_column: "INTEGER NOT NULL", **table.kept} for name, table in READ_TABLES.items()},
    }.items()
]
VERSION = zlib.crc32(repr((READER_VERSION, SCHEMA)).encode()) >> 1
INSERT_STAGED = f"""
INSERT INTO {{table}} BY NAME
SELECT s.position, s.occurred_at, {{day}} AS day, item.action_id,
       {", ".join(attributed.PLUGIN_ID if name == "plugin_id" else f"s.{name}" for name in EVENT_IDS)},
       s.value, {numbered.COLUMNS}
FROM staged AS s
JOIN item USING (item_id)
ASOF JOIN day_shift AS d ON s.occurred_at >= d.starts_at
{numbered.JOINS}
{attributed.JOINS}
WHERE item.action {{are}} IN {MEASUREMENTS}
ORDER BY position
"""
DAY_OF = "((epoch_us(occurred_at) + d.shift_us) // 86_400_000_000)::INTEGER"
INSERT = {
    table: INSERT_STAGED.format(table=table, are=are, day=DAY_OF)
    for table, are in (("event", "NOT"), ("measurement", ""))
}
# The days of another zone. Rows stay in the order of positions.
RENUMBER_DAYS = """
CREATE OR REPLACE TABLE {table} AS
SELECT e.* REPLACE ({day} AS day)
FROM {table} AS e
ASOF JOIN day_shift AS d ON e.occurred_at >= d.starts_at
ORDER BY position
"""
# The stretches of positions that no staged event has, both ends included.
STAGED_HOLES = """
WITH placed AS (
    SELECT position FROM staged UNION ALL SELECT $up_to + 1
), stepped AS (
    SELECT position, lag(position, 1, $after) OVER (ORDER BY position) AS before FROM placed
)
SELECT before + 1, position - 1
FROM stepped
WHERE position > before + 1
ORDER BY position
"""
# Before they are inserted, names that are one (respelled.py) become one.
RESPELL_STAGED = """
UPDATE staged
SET {key} = r.id
FROM respelled AS r
WHERE r.kind = '{table}'
  AND r.stored_id = staged.{key}
  AND r.id IS DISTINCT FROM r.stored_id
"""
# What DuckDB raises when its file is not what it wrote.
DAMAGE = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)


# Events are from 2000 on, or whenever an import's are: the first shift counts before, too.
ZONE_BOUNDS = datetime(1969, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)
_OUT_OF_SPACE = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))


class Damaged(ReaderBehind):
    """The reader's file cannot be used; everything in it can be rebuilt from the log."""


def is_damage(error: duckdb.Error) -> bool:
    """Whether an error says that the file is damaged. A wrong checksum comes as the bare base class."""
    return (isinstance(error, DAMAGE) or type(error) is duckdb.Error) and not is_out_of_space(error)


def is_out_of_space(error: Exception) -> bool:
    """Whether an error says that the disk is full or a quota used up: the file is whole then."""
    return isinstance(error, duckdb.Error) and any(reason in str(error) for reason in _OUT_OF_SPACE)


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class ReaderFile:
    """One DuckDB file with the log's columns up to its cursor, both committed together."""

    def __init__(self, path: Path, memory_limit: str, threads: int, scratch_limit: str = "2GB") -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            # A write-ahead log without its file belongs to a file that somebody deleted.
            if not path.exists():
                wal_of(path).unlink(missing_ok=True)
            self._connection = duckdb.connect(
                str(path),
                config={
                    "memory_limit": memory_limit,
                    "threads": threads,
                    "temp_directory": f"{path}.tmp",
                    "max_temp_directory_size": scratch_limit,
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                    "preserve_insertion_order": "false",
                    # Where few rows are expected, the engine compares each with each: those of a funnel's later steps
                    # are always more than it expects.
                    "asof_loop_join_threshold": "0",
                },
            )
        except (duckdb.Error, OSError) as error:
            raise Damaged(str(error)) from error
        try:
            self._inode = path.stat().st_ino
            self._create()
            self._named = {table: self._ids(table) for table in READ_TABLES}
            found = self._connection.execute("SELECT first_position, last_position FROM hole ORDER BY first_position")
            self.holes = Holes(found.fetchall())
            self.segments = day_tables.segments_of(self._connection)
            self._counted_as = {table: self._respelled(table) for table in RESPELLED}
            shared = "SELECT id FROM respelled WHERE kind = ?"
            self._shared = {
                table: self._ids_by_key(table, TABLES[table].id_column, shared, table) for table in RESPELLED
            }
            self._shared["plugin"] |= attributed.named_plugins(self._connection)
            self._has_moved = {table: has_moved(self._counted_as[table]) for table in RESPELLED}
            self.catalog_basis = catalog.basis(self._connection.execute)
        except (Damaged, duckdb.Error, OSError) as error:
            # DuckDB would hand out this same database again for its path, whatever the file is by then.
            self._connection.close()
            raise Damaged(str(error)) from error

    def _create(self) -> None:
        run = self._connection.execute
        with transaction(self._connection):
            run(SCHEMA[0])
            found = run("SELECT version FROM reader").fetchall()
            if not found:
                run("INSERT INTO reader VALUES (?, NULL, 0, NULL)", [VERSION])
            elif found != [(VERSION,)]:
                raise Damaged(f"made by reader version {found}, this one is {VERSION}")
            for statement in (*SCHEMA[1:], *catalog.VIEWS, create_sort_key()):
                run(statement)
            found = run("SELECT name FROM zone").fetchall()
            if not found:
                self._set_zone(ZoneInfo("UTC"))

    def _ids(self, table: str) -> set[int]:
        stored = f"SELECT {TABLES[table].id_column} FROM {table} UNION SELECT stored_id FROM respelled WHERE kind = ?"
        return {row[0] for row in self._connection.execute(stored, [table]).fetchall()}

    def _respelled(self, table: str) -> dict[int, int | None]:
        rows = self._connection.execute("SELECT stored_id, id FROM respelled WHERE kind = ?", [table]).fetchall()
        return dict(rows)

    def _ids_by_key(self, table: str, column: str, values: str, parameter: object) -> dict[Key, int]:
        """The ids of the names whose column is one of some values."""
        columns = ", ".join((TABLES[table].id_column, *TABLES[table].key))
        found = self._connection.execute(f"SELECT {columns} FROM {table} WHERE {column} IN ({values})", [parameter])
        return {tuple(key): id_ for id_, *key in found.fetchall()}

    def item_counted_as(self, item_id: int) -> int:
        """The item that a stored item is counted as: itself, but for one that is spelled in another way."""
        return self._counted_as["item"].get(item_id) or item_id

    @property
    def zone(self) -> str:
        """The reporting zone that the days are of."""
        name: str = (self._connection.cursor().execute("SELECT name FROM zone").fetchone() or ("UTC",))[0]
        return name

    def use_zone(self, zone: ZoneInfo) -> None:
        """Let the days be those of a zone: if they are not yet, they are numbered anew from the events."""
        with self._lock, transaction(self._connection):
            self._set_zone(zone)
            for table in ("event", "measurement"):
                self._connection.execute(RENUMBER_DAYS.format(table=table, day=DAY_OF))
            day_tables.count_anew(self._connection)
            catalog.number_days(self._connection.execute)

    def read_catalog(self, folder: Path, basis: catalog.Basis) -> None:
        """Replace the catalog by the one in a folder, in one transaction."""
        with self._lock, transaction(self._connection):
            catalog.read(self._connection.execute, folder, basis)
        self.catalog_basis = basis

    def _set_zone(self, zone: ZoneInfo) -> None:
        shifts = shifts_of(zone, *ZONE_BOUNDS)
        starts = [shift.start.replace(tzinfo=None) for shift in shifts]
        run = self._connection.execute
        run("DELETE FROM zone")
        run("INSERT INTO zone VALUES (?)", [zone.key])
        run("DELETE FROM day_shift")
        run(
            "INSERT INTO day_shift SELECT unnest($1::TIMESTAMP[]), unnest($2::BIGINT[])",
            [starts, [1_000_000 * shift.seconds for shift in shifts]],
        )

    def is_deleted(self) -> bool:
        """Whether the file that is open is no longer the one at its path."""
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return True

    def cursor(self) -> Place | None:
        """Where the file stands; None when it has read nothing yet."""
        row = self._connection.cursor().execute("SELECT log_id, position, last_batch_id FROM reader").fetchone()
        if row is None:
            raise Damaged("the cursor is missing")
        return Place(*row) if row[0] is not None else None

    def stage(self, csv: Path) -> dict[str, list[int]]:
        """Read the events of a CSV file, to be appended next.

        Returns the ids in them that no table of the file names yet, by dimension.
        """
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE staged AS SELECT * FROM {_csv(csv)}")
        lists = ", ".join(f"list(DISTINCT {id_column})" for id_column in EVENT_IDS)
        found = self._connection.execute(f"SELECT {lists} FROM staged").fetchone() or ()
        return {
            table: [id_ for id_ in ids or () if id_ is not None and id_ not in self._named[table]]
            for table, ids in zip((name.removesuffix("_id") for name in EVENT_IDS), found, strict=True)
        }

    def known_attributes(self, events: int) -> list[int]:
        """The hashes of attributes that the file has, as far as it pays to name them when so many events are read."""
        return numbered.known_attributes(self._connection, events)

    def missing_actions(self, actions: Iterable[int]) -> list[int]:
        """Those of the actions that the file does not name yet."""
        return sorted(set(actions) - self._named["action"])

    def append(self, names: dict[str, Sequence[Sequence[object]]], cursor: Place, events: int) -> None:
        """Add the staged events, the names they need, and the position they reach, in one transaction.

        Positions that the log has no event for are kept as holes.

        Raises:
            Damaged: those are not the ``events`` that are due: an event would be skipped or counted twice.
        """
        settled: dict[str, Settled] = {}
        with self._lock, transaction(self._connection):
            for table in READ_TABLES:
                rows = names.get(table, ())
                if rows:
                    actions = dict(self._connection.execute("SELECT action_id, name FROM action").fetchall())
                    if table in RESPELLED:
                        settled[table] = self._settled(table, rows, actions)
                        rows = settled[table].rows
                    self._name(table, rows, actions)
            for table in RESPELLED:
                self._respell(table, settled.get(table))
            derived_plugins = attributed.name_plugins(self._connection) if {"context", "path"} & names.keys() else {}
            numbered.number_staged(self._connection)
            inserted = (sum((self._connection.execute(sql).fetchone() or (0,))[0] for sql in INSERT.values()),)
            stretch = {"after": cursor.position - events, "up_to": cursor.position}
            is_whole = inserted == (events,)
            holes = [] if is_whole else self._connection.execute(STAGED_HOLES, stretch).fetchall()
            missing = sum(last - first + 1 for first, last in holes)
            if inserted[0] + missing != events:
                raise Damaged(f"{inserted} events came where the log has {events} up to {cursor.position}")
            for hole in holes:
                self._connection.execute("INSERT INTO hole VALUES (?, ?)", hole)
            self._connection.execute(
                "UPDATE reader SET log_id = ?, position = ?, last_batch_id = ?",
                [cursor.log_id, cursor.position, cursor.batch_id],
            )
        self._connection.execute("DROP TABLE temp.staged")
        for table, rows in names.items():
            self._named[table].update(int(str(row[0])) for row in rows)
        for table, one in settled.items():
            self._counted_as[table] |= one.counted_as
            self._shared[table] |= one.shared
            self._has_moved[table] |= has_moved(one.counted_as)
        self._named["plugin"].update(derived_plugins.values())
        self._shared["plugin"] |= {(name,): id_ for name, id_ in derived_plugins.items()}
        if holes:
            self.holes = self.holes.with_more(holes)

    def is_segment_due(self, position: int) -> bool:
        """Whether so many events up to a position are in no segment of the day tables that they should become one."""
        return position - self.segments.end >= day_tables.SEGMENT_EVENTS

    def count_days(self, position: int) -> None:
        """Add a segment up to a position that the file has reached. Meanwhile the next events may be staged."""
        cursor = self._connection.cursor()
        with self._lock, contextlib.closing(cursor), transaction(cursor):
            day_tables.add_segment(cursor, self.segments.end, position)
        self.segments = self.segments.with_one_more(position)

    def _settled(self, table: str, rows: Sequence[Sequence[object]], actions: dict[object, str]) -> Settled:
        """The rows of names that are new, those left out that the file has under another spelling."""
        names = derived(table, rows, actions)
        keys = {name.key for name in names if name.is_respelled and name.row is not None} - self._shared[table].keys()
        known = dict(self._shared[table])
        if keys:
            texts = [key[-1] for key in keys]
            found = self._ids_by_key(table, TABLES[table].key[-1], "SELECT unnest(?::VARCHAR[])", texts)
            known |= {key: id_ for key, id_ in found.items() if key in keys}
        return settle(names, known)

    def _respell(self, table: str, settled: Settled | None) -> None:
        """Let the staged events speak of names as they are counted."""
        if settled is not None and settled.counted_as:
            rows = [[table] * len(settled.counted_as), list(settled.counted_as), list(settled.counted_as.values())]
            insert = "INSERT INTO respelled SELECT unnest($1::VARCHAR[]), unnest($2::INTEGER[]), unnest($3::INTEGER[])"
            self._connection.execute(insert, rows)
        if self._has_moved[table] or (settled is not None and has_moved(settled.counted_as)):
            self._connection.execute(RESPELL_STAGED.format(table=table, key=TABLES[table].id_column))

    def _name(self, table: str, rows: Sequence[Sequence[object]], actions: dict[object, str]) -> None:
        """Add rows of the log's, with what is derived from them."""
        if not rows:
            return
        declared = TABLES[table]
        columns = dict(zip((declared.id_column, *declared.read), map(list, zip(*rows, strict=True)), strict=True))
        if declared.derived:
            named = [dict(zip(columns, row, strict=True)) for row in rows]
            for one in named:
                one["action"] = actions.get(one.get("action_id"))
            columns |= {name: [derive(one) for one in named] for name, derive in declared.derived.items()}
        types = {declared.id_column: "integer", **declared.kept}
        marks = ", ".join(f"unnest(${n}::{type_}[])" for n, type_ in enumerate(types.values(), start=1))
        self._connection.execute(f"INSERT INTO {table} SELECT {marks}", [columns[name] for name in types])

    def counts_of_names(self) -> dict[str, int]:
        """How many rows each table of names has."""
        return {table: len(ids) for table, ids in self._named.items()}

    def question_cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for one question; the caller closes it."""
        return self._connection.cursor()

    def close(self) -> None:
        self._connection.close()


def wal_of(path: Path) -> Path:
    """DuckDB's write-ahead log beside a file."""
    return path.with_name(path.name + ".wal")


def remove(path: Path) -> None:
    """Delete a reader file and what DuckDB keeps beside it."""
    path.unlink(missing_ok=True)
    wal_of(path).unlink(missing_ok=True)


def _csv(csv: Path) -> str:
    columns = ", ".join(f"'{name}': '{type_}'" for name, type_ in STAGED_COLUMNS.items())
    name = str(csv).replace("'", "''")
    return f"read_csv('{name}', header = false, auto_detect = false, delim = ',', columns = {{{columns}}})"
