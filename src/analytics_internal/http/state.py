"""The parts of one running service, which the routes share."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import msgspec

from analytics_internal.auth import Callers, Permissions
from analytics_internal.event import Acceptance
from analytics_internal.forward import Described, child
from analytics_internal.log import IdKey, LogWriter, Pool, Readiness
from analytics_internal.query import Spool
from analytics_internal.reader import Replica
from analytics_internal.scaffolder import Outcomes
from analytics_internal.settings import Settings


class Service(msgspec.Struct, frozen=True):
    """What every route can use."""

    settings: Settings
    pool: Pool
    writer: LogWriter
    id_key: IdKey
    replica: Replica
    readiness: Readiness
    callers: Callers
    permissions: Permissions
    acceptance: Acceptance
    outcomes: Outcomes
    zone: ZoneInfo
    spool: Spool
    destinations: Mapping[str, Described]
    """Those that are configured, by name, in the settings' order."""
    forwarding: child.Order
