"""Every setting: its type, its default and what it is for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

import platformdirs
from pydantic import Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from analytics_internal.cache import DEFAULT_BYTES
from analytics_internal.errors import WrongUse
from analytics_internal.event import DEFAULT_KEPT_QUERY_PARAMETERS
from analytics_internal.listening import hosts_of, is_loopback
from analytics_internal.settings.values import (
    Destinations,
    FilePath,
    FolderPath,
    Groups,
    Hosts,
    Level,
    Memory,
    Names,
    OwnUrl,
    PostgresUrl,
    PublicUrl,
    TimeZone,
    Token,
    Tokens,
    Who,
    refusal,
)

PREFIX = "ANALYTICS_INTERNAL_"
LEVELS = ("debug", "info", "warning", "error")


class InvalidSettings(WrongUse):
    """The configuration cannot be used; ``lines`` has one for each error."""


def _own_time_zone() -> str:
    """The machine's time zone if it has a name, else UTC."""
    candidates = [os.environ.get("TZ", "").lstrip(":")]
    zone_file = Path("/etc/localtime")
    if zone_file.is_symlink():
        candidates.append(str(zone_file.resolve()).partition("/zoneinfo/")[2])
    return next((name for name in candidates if name in available_timezones()), "UTC")


def _own_data_dir() -> Path:
    try:
        return platformdirs.user_data_path("analytics-internal")
    except RuntimeError:  # a user without a name and without HOME
        return Path("/var/lib/analytics-internal")


def _own_threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    """The settings in force. ``load`` reads them from all sources; the constructor takes only its arguments."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, nested_model_default_partial_update=False
    )

    host: Hosts = Field(
        "127.0.0.1",
        description="Address to listen on, or several separated by commas; `::` takes IPv4 as well as IPv6.",
    )
    port: int = Field(7008, ge=0, le=65535, description="Port to listen on; 0 takes a free port.")
    database_url: PostgresUrl | None = Field(
        None,
        description="PostgreSQL 15 to 18, as `postgresql://user:password@host/database`. "
        "If not set, the service runs its own PostgreSQL in `data_dir`.",
    )
    data_dir: FolderPath = Field(
        default_factory=_own_data_dir, description="Folder of the embedded PostgreSQL and of the reader's file."
    )
    timezone: TimeZone = Field(
        default_factory=_own_time_zone,
        description="Reporting time zone (IANA name), which decides when a day begins and ends.",
    )
    auth: Literal["backstage", "none"] = Field(
        "backstage",
        description="`backstage` verifies the portal's tokens; `none` trusts everyone and needs a loopback `host`.",
    )
    portal_url: PublicUrl | None = Field(
        None,
        description="The portal's `app.baseUrl`, for links. Its path is removed from subjects. "
        "Capitals, a default port and a last slash make no difference.",
    )
    backend_url: PublicUrl | None = Field(
        None, description="The portal's `backend.baseUrl`, the issuer of its tokens. Default: `portal_url`."
    )
    internal_backend_url: OwnUrl | None = Field(
        None,
        description="Address at which the service itself reaches the portal's backend, to fetch keys and check "
        "permissions. Default: `backend_url`.",
    )
    import_tokens: Tokens = Field(
        [], description="Tokens of machines, 16 characters or more. They may import history and write for any user."
    )
    portal_token: Token | None = Field(
        None,
        description="Token with which the service reads the portal's catalog and templates: one of the portal's "
        "`backend.auth.externalAccess`. Not needed behind the bridge in mode `managed`.",
    )
    portal_tokens_file: FilePath | None = Field(
        None,
        description="File with such tokens by plugin, in JSON, which is read for each request. The bridge sets it.",
    )
    catalog_file: FilePath | None = Field(
        None,
        description="File of entities that stands for the portal's catalog (docs/reference/catalog.md). It is read "
        "again when it changes.",
    )
    scaffolder_interval_seconds: float = Field(
        60,
        ge=0,
        le=86_400,
        description="How often the portal's scaffolder is asked what became of its tasks; 0: never.",
    )
    catalog_interval_seconds: float = Field(
        300, ge=1, le=86_400, description="How often the catalog is read, from the portal or the file."
    )
    eligible_groups: Groups = Field(
        [],
        description="Entity refs of groups: their members, and those of their children, are the people who are "
        "expected to use the portal. Empty: all users of the catalog.",
    )
    permissions: Literal["lists", "framework"] = Field(
        "lists",
        description="What decides who may read: the three lists below, or the portal's permission framework.",
    )
    readers: Who = Field(
        ["*"],
        description='Who may read figures (without names): entity refs of people and groups, or "*" for everyone who '
        "is signed in.",
    )
    people_readers: Who = Field([], description="Who may read figures and names. Values as in `readers`.")
    admins: Who = Field(
        [], description="Who may administer the service and read figures, but not names. Values as in `readers`."
    )
    kept_query_parameters: Names = Field(
        sorted(DEFAULT_KEPT_QUERY_PARAMETERS),
        description="Query parameters that are kept in addresses; all others are removed before anything is stored.",
    )
    accept_window_days: int = Field(7, ge=1, le=365, description="Live events older than this are rejected.")
    accept_future_seconds: int = Field(
        300, ge=0, le=86_400, description="Events further ahead of the service's clock than this are rejected."
    )
    buffer_events: int = Field(
        20_000, ge=1_000, description="Most events that may wait to be stored; beyond that, requests get 503."
    )
    buffer_bytes: int = Field(64 << 20, ge=1 << 20, description="Most bytes of events that may wait to be stored.")
    max_batch_events: int = Field(1_000, ge=1, le=10_000, description="Most events per request.")
    max_body_bytes: int = Field(1 << 20, ge=1 << 10, le=64 << 20, description="Most bytes per request.")
    bodies_bytes: int = Field(
        128 << 20,
        ge=1 << 20,
        description="Most bytes of all requests in progress; beyond that, requests get 503.",
    )
    cache_bytes: int = Field(
        DEFAULT_BYTES,
        ge=32 << 20,
        description="Most bytes of all caches: contents of events, names, tokens, query plans.",
    )
    max_connections: int = Field(
        2_000,
        ge=16,
        description="Most open connections, within the process's limit of open files. A further one closes the one "
        "that has been idle longest; `/healthz` and `/readyz` are always answered.",
    )
    max_head_bytes: int = Field(
        32_768, ge=4_096, le=1 << 20, description="Most bytes of a request's address and headers (at most 100 headers)."
    )
    head_timeout_seconds: float = Field(
        10,
        ge=1,
        le=3_600,
        description="How long address and headers may take to arrive, and a new connection may stay without a request.",
    )
    idle_timeout_seconds: float = Field(
        75, ge=1, le=86_400, description="How long a used connection is kept open for its next request."
    )
    transfer_timeout_seconds: float = Field(
        30,
        ge=1,
        le=3_600,
        description="Requests and answers that move less than 16 KiB in this time are aborted, unless they then end.",
    )
    linger_ms: float = Field(
        1, ge=0, le=1_000, description="How long a commit waits under load for more events to join it."
    )
    flushers: int = Field(1, ge=1, le=32, description="Concurrent writes to the database.")
    rejected_limit: int = Field(10_000, ge=0, description="Most rejected events that are kept for inspection.")
    rejected_retention_days: int = Field(30, ge=1, description="How long rejected events are kept.")
    reader_memory_limit: Memory = Field("512MB", description="Memory the reader (DuckDB) may use.")
    reader_threads: int = Field(default_factory=_own_threads, ge=1, description="Threads the reader may use.")
    reader_scratch_limit: Memory = Field(
        "2GB", description="Disk space in `data_dir` that queries may use when memory is not enough."
    )
    download_limit: Memory = Field(
        "512MB", description="Largest CSV file. Each is written to `data_dir` before it is sent."
    )
    downloads_limit: Memory = Field("2GB", description="Disk space of all CSV files being sent.")
    query_time_limit_seconds: float = Field(
        30,
        gt=0,
        le=3_600,
        description="How long a query may run, and how long it may wait for its turn; beyond that it gets 503.",
    )
    destinations: Destinations = Field(
        [],
        description="Where events are forwarded to: a list (docs/reference/destinations.md).",
    )
    stop_with_stdin: bool = Field(
        False,
        description="Stop as on SIGTERM when standard input ends, so that the service ends with its parent process.",
    )
    log_level: Level = Field("info", description="Lowest level of log lines that are written.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto` means `console` on a terminal, else `json`."
    )

    @property
    def issuer_url(self) -> str:
        """The portal's ``backend.baseUrl``, the issuer of its tokens."""
        return self.backend_url or self.portal_url or ""

    @property
    def portal_backend_url(self) -> str:
        """Address at which the service reaches the portal's backend."""
        return self.internal_backend_url or self.issuer_url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the arguments: ``load`` reads the other sources itself, to know where each value came from."""
        return (init_settings,)

    @model_validator(mode="after")
    def _authentication_is_possible(self) -> Settings:
        open_hosts = [host for host in hosts_of(self.host) if not is_loopback(host)]
        if self.auth == "none" and open_hosts:
            raise refusal(
                f"auth=none trusts every caller and is only for this machine, but host is {', '.join(open_hosts)}: "
                "use host=127.0.0.1 or auth=backstage"
            )
        if self.auth == "backstage" and self.backend_url is None and self.portal_url is None:
            raise refusal(
                "auth=backstage needs backend_url (the portal's backend.baseUrl) or portal_url to verify tokens; to "
                "try the service on this machine alone use auth=none"
            )
        return self
