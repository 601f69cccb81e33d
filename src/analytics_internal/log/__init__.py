"""The source of truth: an append-only, totally ordered log of events in PostgreSQL."""

from analytics_internal.log import contents, database_url, id_key, locks, migrations, missing_names, tail
from analytics_internal.log.batch_ids import TICK_NS, WRITERS
from analytics_internal.log.connection import Connection, Pool, connect, connect_pool
from analytics_internal.log.id_key import IdKey
from analytics_internal.log.migrations import NEWEST, version_on
from analytics_internal.log.missing_names import NO_ACTION, unknown
from analytics_internal.log.partitions import Partitions
from analytics_internal.log.readiness import Readiness
from analytics_internal.log.statements import load
from analytics_internal.log.tail import CatalogState, LogReplaced, Place, StoredEvent
from analytics_internal.log.writer import MAX_BATCH_EVENTS, TRANSIENT_ERRORS, LogUnavailable, LogWriter, WriterLimits
