"""The reader's DuckDB file: its tables, and rows in and out. Blocking: callers use threads."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from analytics_internal.errors import ReaderBehind
from analytics_internal.event import doc_page_of, folded, spelling_of
from analytics_internal.log import Place
from analytics_internal.reader.holes import Holes
from analytics_internal.reader.respelled import KEY_COLUMNS, Key, Settled, derived, has_moved, settle
from analytics_internal.reader.sorting import create_sort_key

# Changing a table below, or what is derived for it, means a higher number: files of another number are rebuilt from
# the log.
READER_VERSION = 4
DIMENSIONS = {
    "action": ("action_id", {"name": "VARCHAR"}),
    "item": (
        "item_id",
        {"action_id": "INTEGER", "subject": "VARCHAR", "path": "VARCHAR", "term": "VARCHAR", "spelling": "VARCHAR"},
    ),
    "person": ("person_id", {"ref": "VARCHAR"}),
    "plugin": ("plugin_id", {"name": "VARCHAR"}),
    "entity": ("entity_id", {"ref": "VARCHAR"}),
    "path": ("path_id", {"name": "VARCHAR", "doc_page": "VARCHAR"}),
}
EVENT_COLUMNS = {
    "position": "BIGINT",
    "occurred_at": "TIMESTAMP",
    "item_id": "INTEGER",
    "person_id": "INTEGER",
    "plugin_id": "INTEGER",
    "entity_id": "INTEGER",
    "path_id": "INTEGER",
    "value": "DOUBLE",
    "session_id": "UUID",
}
SEARCH, DISCOVER = "search", "discover"
# The session is kept of searches and discoveries alone, to join them: of every event it would take more room than all
# the rest together.
INSERT_STAGED = f"""
INSERT INTO event
SELECT s.* REPLACE (CASE WHEN action.name IN ('{SEARCH}', '{DISCOVER}') THEN session_id END AS session_id), action_id
FROM staged AS s
JOIN item USING (item_id)
JOIN action USING (action_id)
ORDER BY position
"""
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


_OUT_OF_SPACE = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))


class Damaged(ReaderBehind):
    """The reader's file cannot be used; everything in it can be rebuilt from the log."""


def is_damage(error: duckdb.Error) -> bool:
    """Whether an error says that the file is damaged. A wrong checksum comes as the bare base class."""
    return (isinstance(error, DAMAGE) or type(error) is duckdb.Error) and not is_out_of_space(error)


def is_out_of_space(error: Exception) -> bool:
    """Whether an error says that the disk is full or a quota used up: the file is whole then."""
    return isinstance(error, duckdb.Error) and any(reason in str(error) for reason in _OUT_OF_SPACE)


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
                },
            )
        except (duckdb.Error, OSError) as error:
            raise Damaged(str(error)) from error
        try:
            self._inode = path.stat().st_ino
            self._create()
            self._named = {table: self._ids(table) for table in DIMENSIONS}
            self.holes = self._holes()
            self._counted_as = {table: self._respelled(table) for table in KEY_COLUMNS}
            self._shared = {table: self._shared_keys(table) for table in KEY_COLUMNS}
            self._has_moved = {table: has_moved(self._counted_as[table]) for table in KEY_COLUMNS}
        except (Damaged, duckdb.Error, OSError) as error:
            # DuckDB would hand out this same database again for its path, whatever the file is by then.
            self._connection.close()
            raise Damaged(str(error)) from error

    def _create(self) -> None:
        run = self._connection.execute
        with self._transaction():
            cursor = "version INTEGER, log_id UUID, position BIGINT, last_batch_id BIGINT"
            run(f"CREATE TABLE IF NOT EXISTS reader ({cursor})")
            run("CREATE TABLE IF NOT EXISTS hole (first_position BIGINT, last_position BIGINT)")
            found = run("SELECT version FROM reader").fetchall()
            if not found:
                run("INSERT INTO reader VALUES (?, NULL, 0, NULL)", [READER_VERSION])
            elif found != [(READER_VERSION,)]:
                raise Damaged(f"made by reader version {found}, this one is {READER_VERSION}")
            for table, (key, columns) in DIMENSIONS.items():
                further = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
                run(f"CREATE TABLE IF NOT EXISTS {table} ({key} INTEGER NOT NULL, {further})")
            run("CREATE TABLE IF NOT EXISTS respelled (kind VARCHAR, stored_id INTEGER, id INTEGER)")
            columns_sql = ", ".join(f"{name} {type_}" for name, type_ in EVENT_COLUMNS.items())
            run(f"CREATE TABLE IF NOT EXISTS event ({columns_sql}, action_id INTEGER)")
            run(create_sort_key())

    def _ids(self, table: str) -> set[int]:
        stored = f"SELECT {DIMENSIONS[table][0]} FROM {table} UNION SELECT stored_id FROM respelled WHERE kind = ?"
        return {row[0] for row in self._connection.execute(stored, [table]).fetchall()}

    def _respelled(self, table: str) -> dict[int, int | None]:
        rows = self._connection.execute("SELECT stored_id, id FROM respelled WHERE kind = ?", [table]).fetchall()
        return dict(rows)

    def _shared_keys(self, table: str) -> dict[Key, int]:
        id_column = DIMENSIONS[table][0]
        sql = (
            f"SELECT {id_column}, {', '.join(KEY_COLUMNS[table])} FROM {table} "
            f"WHERE {id_column} IN (SELECT id FROM respelled WHERE kind = ?)"
        )
        return {tuple(key): id_ for id_, *key in self._connection.execute(sql, [table]).fetchall()}

    def item_counted_as(self, item_id: int) -> int:
        """The item that a stored item is counted as: itself, but for one that is spelled in another way."""
        return self._counted_as["item"].get(item_id) or item_id

    def _holes(self) -> Holes:
        found = self._connection.execute("SELECT first_position, last_position FROM hole ORDER BY first_position")
        return Holes(found.fetchall())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

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
        tables = [table for table, (key, _) in DIMENSIONS.items() if key in EVENT_COLUMNS]
        lists = ", ".join(f"list(DISTINCT {DIMENSIONS[table][0]})" for table in tables)
        found = self._connection.execute(f"SELECT {lists} FROM staged").fetchone() or ()
        return {
            table: [id_ for id_ in ids or () if id_ is not None and id_ not in self._named[table]]
            for table, ids in zip(tables, found, strict=True)
        }

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
        with self._lock, self._transaction():
            for table in DIMENSIONS:  # the actions come first: what is derived of an item depends on its action
                rows = names.get(table, ())
                if rows and table in KEY_COLUMNS:
                    settled[table] = self._settled(table, rows)
                    rows = settled[table].rows
                self._name(table, rows)
            for table in KEY_COLUMNS:
                self._respell(table, settled.get(table))
            inserted = self._connection.execute(INSERT_STAGED).fetchone() or (0,)
            holes = [] if inserted == (events,) else self._staged_holes(cursor.position - events, cursor.position)
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
        if holes:
            self.holes = self.holes.with_more(holes)

    def _staged_holes(self, after: int, up_to: int) -> list[tuple[int, int]]:
        """The stretches of positions that no staged event has, both ends included."""
        return self._connection.execute(STAGED_HOLES, {"after": after, "up_to": up_to}).fetchall()

    def _settled(self, table: str, rows: Sequence[Sequence[object]]) -> Settled:
        """The rows of names that are new, those left out that the file has under another spelling."""
        actions = dict(self._connection.execute("SELECT action_id, name FROM action").fetchall())
        names = derived(table, rows, actions)
        keys = {name.key for name in names if name.is_respelled and name.row is not None} - self._shared[table].keys()
        return settle(names, {**self._shared[table], **self._ids_of(table, keys)})

    def _ids_of(self, table: str, keys: set[Key]) -> dict[Key, int]:
        """The ids of the names that the file has of these."""
        if not keys:
            return {}
        columns = KEY_COLUMNS[table]
        sql = (
            f"SELECT {DIMENSIONS[table][0]}, {', '.join(columns)} FROM {table} "
            f"WHERE {columns[-1]} IN (SELECT unnest(?::VARCHAR[]))"
        )
        found = self._connection.execute(sql, [[key[-1] for key in keys]]).fetchall()
        return {tuple(key): id_ for id_, *key in found if tuple(key) in keys}

    def _respell(self, table: str, settled: Settled | None) -> None:
        """Let the staged events speak of names as they are counted."""
        if settled is not None and settled.counted_as:
            rows = [[table] * len(settled.counted_as), list(settled.counted_as), list(settled.counted_as.values())]
            insert = "INSERT INTO respelled SELECT unnest($1::VARCHAR[]), unnest($2::INTEGER[]), unnest($3::INTEGER[])"
            self._connection.execute(insert, rows)
        if self._has_moved[table] or (settled is not None and has_moved(settled.counted_as)):
            self._connection.execute(RESPELL_STAGED.format(table=table, key=DIMENSIONS[table][0]))

    def _name(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        if not rows:
            return
        if table == "item":
            search_actions = self._search_actions()
            rows = [(*row, *_term_of(row, search_actions)) for row in rows]
        elif table == "path":
            rows = [(*row, doc_page_of(str(row[1]))) for row in rows]
        marks = ", ".join(f"unnest(${n}::{type_}[])" for n, type_ in enumerate(_types(table), start=1))
        self._connection.execute(f"INSERT INTO {table} SELECT {marks}", [list(c) for c in zip(*rows, strict=True)])

    def _search_actions(self) -> set[int]:
        found = self._connection.execute("SELECT action_id FROM action WHERE name = ?", [SEARCH]).fetchall()
        return {row[0] for row in found}

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


def _term_of(item: Sequence[object], search_actions: set[int]) -> tuple[str | None, str | None]:
    """What an item's search term is compared by and how it was typed; nothing for other items and blank terms."""
    _, action_id, subject, *_ = item
    if action_id not in search_actions or not folded(str(subject)):
        return None, None
    return folded(str(subject)), spelling_of(str(subject))


def _types(table: str) -> list[str]:
    return ["INTEGER", *DIMENSIONS[table][1].values()]


def _csv(csv: Path) -> str:
    columns = ", ".join(f"'{name}': '{type_}'" for name, type_ in EVENT_COLUMNS.items())
    name = str(csv).replace("'", "''")
    return f"read_csv('{name}', header = false, auto_detect = false, delim = ',', columns = {{{columns}}})"
