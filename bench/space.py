"""Measures the bytes per event in the log and in the reader."""

from __future__ import annotations

from typing import Any

import asyncpg

from bench.table import print_table

SIZES = """
    SELECT sum(pg_relation_size(oid))::bigint AS table_bytes, sum(pg_indexes_size(oid))::bigint AS index_bytes,
           sum(pg_total_relation_size(oid))::bigint AS all_bytes
    FROM pg_class
    WHERE relkind = 'r' AND relname LIKE $1
"""
NAMES_SIZE = "SELECT sum(pg_total_relation_size(name::regclass))::bigint FROM unnest($1::text[]) AS name"
NAMES = ("action", "item", "person", "plugin", "entity", "path", "context", "log_batch")


async def measure(postgres: asyncpg.Connection[Any], reader_bytes: int) -> None:
    """Print the current sizes."""
    events = await postgres.fetchval("SELECT position FROM log_head")
    sizes = await postgres.fetchrow(SIZES, "event\\_%")
    assert sizes is not None
    names = await postgres.fetchval(NAMES_SIZE, NAMES)
    everything = sizes["all_bytes"] + names + reader_bytes
    rows = [
        ("events: rows", *_sizes(sizes["table_bytes"], events)),
        ("events: indexes", *_sizes(sizes["index_bytes"], events)),
        ("events: all", *_sizes(sizes["all_bytes"], events)),
        ("names and batches", *_sizes(names, events)),
        ("reader", *_sizes(reader_bytes, events)),
        ("log and reader", *_sizes(everything, events)),
    ]
    print_table(f"Space for {events:,} events", ("", "MB", "bytes an event"), rows)


def _sizes(size: int, events: int) -> tuple[str, str]:
    return f"{size / 1e6:,.1f}", f"{size / events:.0f}"
