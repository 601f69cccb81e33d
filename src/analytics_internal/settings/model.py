"""Every setting: its type, its default, what it is for, and where its value came from."""

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
from analytics_internal.event import DEFAULT_KEPT_QUERY_PARAMETERS
from analytics_internal.listening import hosts_of, is_loopback
from analytics_internal.settings.values import (
    FolderPath,
    Hosts,
    Level,
    Memory,
    Names,
    OwnUrl,
    PostgresUrl,
    PublicUrl,
    TimeZone,
    Tokens,
    Who,
    refusal,
)

PREFIX = "ANALYTICS_INTERNAL_"
LEVELS = ("debug", "info", "warning", "error")


class InvalidSettings(ValueError):
    """The configuration cannot be used; ``problems`` has one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _own_time_zone() -> str:
    """The machine's time zone as far as it has a name, else UTC."""
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
    """What is in force. ``load`` puts it together; constructed directly it knows only what it is given."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, nested_model_default_partial_update=False
    )

    host: Hosts = Field(
        "127.0.0.1",
        description="Address to listen on, or several, separated by commas; `::` takes IPv4 as well as IPv6.",
    )
    port: int = Field(7008, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    database_url: PostgresUrl | None = Field(
        None,
        description="PostgreSQL 15 to 18, as `postgresql://user:password@host/database`. "
        "Without it the service runs its own PostgreSQL in `data_dir`.",
    )
    data_dir: FolderPath = Field(
        default_factory=_own_data_dir, description="Folder of the service's own PostgreSQL and of the reader's file."
    )
    timezone: TimeZone = Field(
        default_factory=_own_time_zone, description="Reporting time zone (IANA name): where a day begins and ends."
    )
    auth: Literal["backstage", "none"] = Field(
        "backstage",
        description="`backstage` verifies the portal's tokens; `none` trusts everyone and needs a loopback `host`.",
    )
    portal_url: PublicUrl | None = Field(
        None,
        description="The portal's `app.baseUrl`: where links lead. Its path is cut off subjects. "
        "Capitals, a default port and a last slash make no difference.",
    )
    backend_url: PublicUrl | None = Field(
        None, description="The portal's `backend.baseUrl`: what its tokens name as issuer. Default: `portal_url`."
    )
    internal_backend_url: OwnUrl | None = Field(
        None,
        description="Where the service reaches the portal's backend, to fetch keys and ask for permissions, "
        "when it is another address than `backend_url`. Default: `backend_url`.",
    )
    import_tokens: Tokens = Field(
        [], description="Tokens of machines, 16 characters or more: they may import history and write for others."
    )
    permissions: Literal["lists", "framework"] = Field(
        "lists",
        description="Who decides what a signed-in person may read: the three lists below, or the portal's "
        "permission framework.",
    )
    readers: Who = Field(
        ["*"],
        description='Who may read figures, which name nobody: entity refs of people and groups, or "*" for everyone '
        "who is signed in.",
    )
    people_readers: Who = Field([], description="Who may read who did what; may read figures too. As `readers`.")
    admins: Who = Field([], description="Who may administer the service; may read figures, not names. As `readers`.")
    kept_query_parameters: Names = Field(
        sorted(DEFAULT_KEPT_QUERY_PARAMETERS),
        description="Query parameters of addresses that are kept; all others are cut before anything is stored.",
    )
    accept_window_days: int = Field(7, ge=1, le=365, description="Live events older than this are rejected.")
    accept_future_seconds: int = Field(
        300, ge=0, le=86_400, description="Events further ahead of the service's clock than this are rejected."
    )
    buffer_events: int = Field(
        20_000, ge=1_000, description="Events that may wait to be stored; more are answered with 503."
    )
    buffer_bytes: int = Field(64 << 20, ge=1 << 20, description="The same in bytes.")
    max_batch_events: int = Field(1_000, ge=1, le=10_000, description="Events of one request.")
    max_body_bytes: int = Field(1 << 20, ge=1 << 10, le=64 << 20, description="Bytes of one request.")
    bodies_bytes: int = Field(
        128 << 20,
        ge=1 << 20,
        description="Bytes of all requests that are being received or answered; more are answered with 503.",
    )
    cache_bytes: int = Field(
        DEFAULT_BYTES,
        ge=32 << 20,
        description="Bytes of all that is remembered to be fast: what events say, names, tokens, plans of questions.",
    )
    max_connections: int = Field(
        2_000,
        ge=16,
        description="Connections at the same time, as far as the process may open files. One more closes the one that "
        "has waited longest without a request; `/healthz` and `/readyz` are answered beyond it.",
    )
    max_head_bytes: int = Field(
        32_768, ge=4_096, le=1 << 20, description="Bytes of one request's address and headers; at most 100 headers."
    )
    head_timeout_seconds: float = Field(
        10, ge=1, le=3_600, description="How long a request's head may take, and a new connection until its first."
    )
    idle_timeout_seconds: float = Field(
        75, ge=1, le=86_400, description="How long a connection is kept open for its next request."
    )
    transfer_timeout_seconds: float = Field(
        30,
        ge=1,
        le=3_600,
        description="A body that is sent, or an answer that is read, by less than 16 KiB in this time is given up, "
        "unless it comes to its end.",
    )
    linger_ms: float = Field(
        1, ge=0, le=1_000, description="How long a write waits, under load, for more events to share its commit."
    )
    flushers: int = Field(1, ge=1, le=32, description="Writes to the database at the same time.")
    rejected_limit: int = Field(10_000, ge=0, description="Rejected events that are kept to be looked at.")
    rejected_retention_days: int = Field(30, ge=1, description="How long rejected events are kept.")
    reader_memory_limit: Memory = Field("512MB", description="Memory the reader (DuckDB) may use.")
    reader_threads: int = Field(default_factory=_own_threads, ge=1, description="Threads the reader may use.")
    reader_scratch_limit: Memory = Field(
        "2GB", description="Disk space in `data_dir` that questions may use for what does not fit into memory."
    )
    download_limit: Memory = Field(
        "512MB", description="Largest CSV file. It is made ready in `data_dir` before it is sent."
    )
    downloads_limit: Memory = Field("2GB", description="Disk space of all CSV files that are being sent.")
    query_time_limit_seconds: float = Field(
        30,
        gt=0,
        le=3_600,
        description="How long one question may take; then it is stopped and answered with 503. So is one that "
        "has waited as long for its turn.",
    )
    stop_with_stdin: bool = Field(
        False,
        description="Stop as on SIGTERM when standard input reaches its end: a parent that holds it open takes the "
        "service with it, however it ends.",
    )
    log_level: Level = Field("info", description="The least severe log lines that are written.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: `console` on a terminal, else `json`."
    )

    @property
    def issuer_url(self) -> str:
        """The portal's ``backend.baseUrl``, as its tokens name it."""
        return self.backend_url or self.portal_url or ""

    @property
    def portal_backend_url(self) -> str:
        """Where the portal's backend is reached from here."""
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
        """Only what is passed: ``load`` asks the other sources itself, to know what came from where."""
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
                "auth=backstage needs backend_url (the portal's backend.baseUrl) or portal_url, where tokens are "
                "verified; to try the service on this machine alone use auth=none"
            )
        return self
