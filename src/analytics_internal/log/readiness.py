"""Readiness: whether an event could be stored now, and if not, why."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

from analytics_internal.dimensions import TABLES
from analytics_internal.log.connection import Connection, Pool, Unreachable, UnsupportedServer
from analytics_internal.log.migrations import NEWEST, version_on
from analytics_internal.log.partitions import MonthMissing, Partitions
from analytics_internal.log.statements import SQL
from analytics_internal.log.trial import OK, trial
from analytics_internal.log.writer import TRANSIENT_ERRORS, LogWriter

READY_TIMEOUT_S = 2.0
TRIAL_INTERVAL_S = 5.0
"""A trial writes to the database, so its outcome is reused for this long."""
KEEP_INTERVAL_S = 60.0
WARN_AHEAD = timedelta(days=45)
# docs/reference/postgresql.md lists them for operators.
RIGHTS = {
    "event": ("SELECT", "INSERT"),
    "id_key": ("SELECT",),
    "log_batch": ("SELECT", "INSERT"),
    "log_head": ("SELECT", "UPDATE"),
    **dict.fromkeys(TABLES, ("SELECT", "INSERT")),
    **dict.fromkeys(("catalog", "catalog_entity", "catalog_membership"), ("SELECT",)),
    "rejected_event": ("SELECT", "INSERT", "DELETE"),
    "rejected_count": ("SELECT", "INSERT", "UPDATE"),
}
_PAIRS = [(relation, privilege) for relation, privileges in RIGHTS.items() for privilege in privileges]
log = structlog.get_logger(__name__)


class Readiness:
    """Checks whether an event could be stored. One per service."""

    def __init__(self, pool: Pool, writer: LogWriter) -> None:
        self._pool = pool
        self._writer = writer
        self._partitions = Partitions()
        self._trial = asyncio.Lock()
        self._tried_at = -TRIAL_INTERVAL_S
        self._outcome = OK
        self._why_no_months = ""

    async def checks(self, with_trial: bool = True) -> dict[str, str]:
        """Each check by name: "ok" or what is wrong. Does not raise for errors of the database."""
        try:
            async with self._pool.acquire(timeout=READY_TIMEOUT_S) as connection:
                async with asyncio.timeout(READY_TIMEOUT_S):
                    checks = await self._checks_on(connection, with_trial)
        except TimeoutError:
            return {"database": f"no answer within {READY_TIMEOUT_S:g} s"}
        except (Unreachable, UnsupportedServer) as error:
            return {"database": str(error)}
        except asyncpg.InsufficientPrivilegeError as error:
            return {"database": OK, "rights": str(error)}
        except (*TRANSIENT_ERRORS, asyncpg.PostgresError) as error:
            return {"database": f"not reachable: {type(error).__name__}"}
        if checks.get("writable", OK) != OK:
            # A read-only session stays read-only; a new one asks again.
            await self._pool.expire_connections()
        return checks

    async def _checks_on(self, connection: Connection, with_trial: bool) -> dict[str, str]:
        found = await version_on(connection)
        if found is None:
            return {"database": OK, "schema": _NO_SCHEMA}
        if found != NEWEST:
            return {
                "database": OK,
                "schema": f"is {found}, this program needs {NEWEST}: run analytics-internal migrate",
            }
        row = await connection.fetchrow(SQL["readiness"], *map(list, zip(*_PAIRS, strict=True)))
        assert row is not None
        checks = {"database": OK, "schema": OK, "writable": OK, "rights": OK, "partition": OK}
        if row["is_in_recovery"]:
            checks["writable"] = "the server is a standby: it takes no events until it is promoted"
        elif row["is_read_only"]:
            checks["writable"] = "the database is read-only (default_transaction_read_only)"
        if row["missing_rights"]:
            checks["rights"] = f"the role {row['role']} lacks {', '.join(row['missing_rights'])}"
        elif row["hidden_rows"]:
            checks["rights"] = (
                f"row-level security applies to the role {row['role']} on {', '.join(row['hidden_rows'])}"
            )
        await self._partitions.look(connection)
        if (until := self._partitions.reach()) is None:
            checks["partition"] = f"there is none for {datetime.now(UTC):%Y-%m}{self._reason()}"
        if all(said == OK for said in checks.values()):
            if with_trial:
                checks["trial"] = await self._try(connection)
            if until is not None and until < datetime.now(UTC) + WARN_AHEAD:
                # Still ready: months are missing later, not now.
                log.warning("months of the log end", at=f"{until:%Y-%m-%d}", why=self._why_no_months)
        return checks

    async def _try(self, connection: Connection) -> str:
        async with self._trial:
            if time.monotonic() - self._tried_at >= TRIAL_INTERVAL_S:
                self._outcome = await trial(connection)
                self._tried_at = time.monotonic()
            return self._outcome

    def _reason(self) -> str:
        return f": {self._why_no_months}" if self._why_no_months else ""

    async def keep(self) -> None:
        """For ever, make months ahead and notice a database that has become writable. Logs failures."""
        while True:
            try:
                await self._writer.keep_months_ahead()
                self._why_no_months = ""
            except MonthMissing as error:
                if str(error) != self._why_no_months:
                    log.warning("months cannot be made ahead", error=str(error), hint=_HINT)
                self._why_no_months = str(error)
            except (*TRANSIENT_ERRORS, UnsupportedServer, asyncpg.PostgresError) as error:
                log.warning("months cannot be made ahead", error=type(error).__name__)
            except Exception:  # the next round tries again
                log.exception("months cannot be made ahead")
            await asyncio.sleep(KEEP_INTERVAL_S)
            with contextlib.suppress(Exception):  # /readyz reports errors
                await self.checks(with_trial=False)

    async def begin(self) -> None:
        """Make the nearest months if that is possible now."""
        with contextlib.suppress(MonthMissing, asyncpg.PostgresError, *TRANSIENT_ERRORS):
            await self._writer.keep_months_ahead(3)


_NO_SCHEMA = (
    "this database has no tables of this program: run analytics-internal migrate, correct search_path, or grant USAGE "
    "on the schema"
)
_HINT = "run analytics-internal migrate as the owner of the tables, at least once a year"
