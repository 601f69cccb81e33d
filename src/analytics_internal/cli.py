"""The command line: parse, call, print."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from analytics_internal import __version__
from analytics_internal.errors import CommandError, WrongUse

if TYPE_CHECKING:
    from analytics_internal.client.destinations import Steering
    from analytics_internal.settings import Settings

    Command = Callable[[Settings, Mapping[str, str]], int]

# Everything else is imported where it is used: help must not wait for a database driver.

TOKEN_VARIABLE = "ANALYTICS_INTERNAL_TOKEN"
# Commands that only use the database serve nobody, so they need no authentication settings.
NOT_LISTENING: dict[str, object] = {"host": "127.0.0.1", "auth": "none"}


app = App(
    name="analytics-internal",
    help="Usage analytics for Backstage, kept inside the company.",
    version=__version__,
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
)

Url = Annotated[
    str | None,
    Parameter(help="Address of the running service. Default: the service on --data-dir, else http://127.0.0.1:7008."),
]
Token = Annotated[
    str | None, Parameter(env_var=TOKEN_VARIABLE, show_env_var=True, help="Machine token (setting import_tokens).")
]
DatabaseUrl = Annotated[str | None, Parameter(help="URL of PostgreSQL 15 to 18. Default: the embedded one.")]
DataDir = Annotated[Path | None, Parameter(help="Folder for the embedded PostgreSQL and the reader's file.")]
Config = Annotated[Path | None, Parameter(help="Settings file (.toml or .yaml).")]
DestinationName = Annotated[str, Parameter(help="Name of the destination, as in the settings.")]
ServiceDataDir = Annotated[Path | None, Parameter(help="Data folder of the running service; it holds its address.")]


def main() -> None:
    """The command ``analytics-internal``: ends with 0, 1 for a failure, 2 for wrong use."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not so when it was closed before we started
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 is no reason to fail
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code. An error that a user can correct is one line on stderr."""
    from analytics_internal.masking import masked_text
    from analytics_internal.private import umask

    try:
        with umask():
            code = app(arguments)
    except CycloptsError as error:
        _say(masked_text(" ".join(str(error).split())))
        return WrongUse.exit_code
    except CommandError as error:
        for line in error.lines:
            _say(masked_text(line))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return code if isinstance(code, int) else 0


@app.command
def serve(
    *,
    host: Annotated[
        list[str] | None, Parameter(negative=(), help="Address to listen on; may be given several times.")
    ] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 takes a free one. Default: 7008.")] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    timezone: Annotated[str | None, Parameter(help="Reporting time zone, like America/Sao_Paulo.")] = None,
    auth: Annotated[
        Literal["backstage", "none"] | None,
        Parameter(help="backstage verifies the portal's tokens; none trusts everyone on this machine."),
    ] = None,
    portal_url: Annotated[str | None, Parameter(help="The portal's app.baseUrl.")] = None,
    backend_url: Annotated[str | None, Parameter(help="The portal's backend.baseUrl.")] = None,
    stop_with_stdin: Annotated[
        bool | None,
        Parameter(negative=(), help="Stop when standard input ends: for a parent process."),
    ] = None,
    config: Config = None,
    print_config: Annotated[
        bool, Parameter(negative=(), help="Show the settings in force and where each came from, and stop.")
    ] = False,
) -> int:
    """Run the service until SIGTERM or Ctrl-C."""
    flags = {
        "host": host,
        "port": port,
        "database_url": database_url,
        "data_dir": data_dir,
        "timezone": timezone,
        "auth": auth,
        "portal_url": portal_url,
        "backend_url": backend_url,
        "stop_with_stdin": stop_with_stdin,
    }
    return _with_settings(flags, config, _print if print_config else _serve)


@app.command
def migrate(*, database_url: DatabaseUrl = None, data_dir: DataDir = None, config: Config = None) -> int:
    """Bring the database's schema to the newest version."""
    return _with_settings({"database_url": database_url, "data_dir": data_dir} | NOT_LISTENING, config, _migrate)


@app.command
def doctor(
    *,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
    url: Annotated[str | None, Parameter(help="Address of the running service. Default: from --data-dir.")] = None,
    token: Token = None,
) -> int:
    """Check a live database and say what is wrong with it.

    If a service runs on the data folder, its reader is asked over HTTP.
    """
    flags = {"database_url": database_url, "data_dir": data_dir} | NOT_LISTENING
    return _with_settings(flags, config, lambda settings, _: _examine(settings, url, token))


@app.command(name="import")
def import_(
    *files: Annotated[str, Parameter(allow_leading_hyphen=True, help="JSON lines, plain or .gz; - reads stdin.")],
    url: Url = None,
    data_dir: ServiceDataDir = None,
    user: Annotated[str | None, Parameter(help="Person for events that name no user (entity ref).")] = None,
    token: Token = None,
) -> int:
    """Import recorded events into a running service.

    A line is an event, {"at": time, "event": {...}}, or a line from export. Running it again stores nothing twice.
    """
    from analytics_internal.client.importing import import_files

    unknown = next((name for name in files if name.startswith("-") and name != "-"), None)
    if unknown is not None:
        raise WrongUse(f"Unknown option: {unknown} (a file of this name is ./{unknown})")
    if not files:
        raise WrongUse("import needs a FILE, or - for stdin")
    return _as_client(lambda: import_files(files, _address(url, data_dir), token, user))


@app.command
def export(
    *,
    url: Url = None,
    data_dir: ServiceDataDir = None,
    after: Annotated[int, Parameter(help="Export only events after this position.")] = 0,
    limit: Annotated[int | None, Parameter(help="Maximum number of events.")] = None,
    output: Annotated[Path | None, Parameter(help="File to write; an existing export is continued.")] = None,
    token: Token = None,
) -> int:
    """Print the stored events as JSON lines, in the order they were stored."""
    from analytics_internal.client.exporting import export as export_events

    if after < 0 or (limit is not None and limit < 1):
        raise WrongUse("--after must be 0 or more, --limit 1 or more")
    return _as_client(lambda: export_events(_address(url, data_dir), token, after, limit, output))


@app.command
def demo(
    *,
    events: Annotated[int, Parameter(help="Number of events.")] = 100_000,
    seed: Annotated[int, Parameter(help="Another seed makes other events.")] = 1,
    until: Annotated[datetime | None, Parameter(help="End of the year (UTC if without offset). Default: now.")] = None,
    url: Url = None,
    data_dir: ServiceDataDir = None,
    output: Annotated[
        Path | None,
        Parameter(allow_leading_hyphen=True, help="Write JSON lines to this file (- for stdout) and send nothing."),
    ] = None,
    catalog: Annotated[
        Path | None, Parameter(help="Also write the portal's catalog, with its history, to this file (`catalog_file`).")
    ] = None,
    truth: Annotated[Path | None, Parameter(help="Also write what is true of the events to this file.")] = None,
    token: Token = None,
) -> int:
    """Fill a service with a year of invented, realistic events."""
    from analytics_internal.client import invented

    if output is not None and (url is not None or data_dir is not None):
        raise WrongUse(f"--{'url' if url is not None else 'data-dir'} and --output exclude each other")
    made = invented.Invented(events, seed, _utc(until) or datetime.now(UTC), truth)

    def make() -> int:
        if catalog is not None:
            invented.write_catalog(made, catalog)
        if output is not None:
            return invented.write(made, output)
        return invented.send(made, _address(url, data_dir), token)

    return _as_client(make)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked:
    """The running service that a command asks, and how the answer is printed."""

    url: Url = None
    data_dir: ServiceDataDir = None
    token: Token = None
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="Print the service's answer.")] = False


destinations = App(
    name="destinations", help="See and steer the destinations that a running service forwards events to."
)
app.command(destinations)
_asked = Asked()


@destinations.command(name="list")
def list_(*, asked: Asked = _asked) -> int:
    """Show how far each destination is: state, counts, lag, the last error."""
    return _steer(asked, lambda service: service.list_all())


@destinations.command(name="test")
def send_test(*names: DestinationName, asked: Asked = _asked) -> int:
    """Send a test event, and say what the receiver answered. Ends with 1 if it did not take the event."""
    _require(names)
    return _steer(asked, lambda service: service.test(names))


@destinations.command
def pause(*names: DestinationName, asked: Asked = _asked) -> int:
    """Deliver nothing until it is resumed; events wait in the log."""
    _require(names)
    return _steer(asked, lambda service: service.change("pause", names))


@destinations.command
def resume(*names: DestinationName, asked: Asked = _asked) -> int:
    """Go on at once, also after the receiver asked for no more events."""
    _require(names)
    return _steer(asked, lambda service: service.change("resume", names))


@destinations.command
def replay(
    name: DestinationName,
    /,
    *,
    after: Annotated[int | None, Parameter(help="Send the events after this position again.")] = None,
    up_to: Annotated[int | None, Parameter(help="Last position. Default: all that had its turn.")] = None,
    from_: Annotated[
        datetime | None, Parameter(name="--from", help="Send what was stored since then again (UTC if without offset).")
    ] = None,
    to: Annotated[datetime | None, Parameter(help="End of that time. Default: all that had its turn.")] = None,
    dead_: Annotated[bool, Parameter(name="--dead", negative=(), help="Send all dead letters again.")] = False,
    cancel: Annotated[bool, Parameter(negative=(), help="End the replays under way.")] = False,
    asked: Asked = _asked,
) -> int:
    """Send events once more: a range of positions, a time, or the dead letters."""
    positions, times = (after, up_to), (_utc(from_), _utc(to))
    kinds = [any(value is not None for value in given) for given in (positions, times)] + [dead_, cancel]
    if sum(kinds) != 1 or (to is not None and from_ is None):
        raise WrongUse("say what: --after and --up-to, or --from and --to, or --dead, or --cancel")
    return _steer(asked, lambda service: service.cancel(name) if cancel else service.replay(name, positions, times))


@destinations.command
def dead(
    name: DestinationName,
    /,
    *,
    limit: Annotated[int, Parameter(help="Show at most so many.")] = 100,
    replay: Annotated[bool, Parameter(negative=(), help="Send them again.")] = False,
    discard: Annotated[bool, Parameter(negative=(), help="Forget them; their events stay in the log.")] = False,
    position: Annotated[
        list[int] | None, Parameter(negative=(), help="Only the one at this position; may be given several times.")
    ] = None,
    asked: Asked = _asked,
) -> int:
    """Show the events that could not be delivered, with reason, status and answer.

    Or send them again, or forget them: all, or those at some positions.
    """
    if (replay and discard) or (position and not replay and not discard):
        raise WrongUse("say either --replay or --discard; --position goes with one of them")
    if limit < 1 or min(position or [1]) < 1:
        raise WrongUse("--limit and --position must be 1 or more")
    if replay or discard:
        return _steer(asked, lambda service: service.settle("replay" if replay else "discard", name, position))
    return _steer(asked, lambda service: service.dead_letters(name, limit))


def _steer(asked: Asked, work: Callable[[Steering], int]) -> int:
    from analytics_internal.client.destinations import Steering

    def steer() -> int:
        with Steering(_address(asked.url, asked.data_dir), asked.token, asked.as_json) as service:
            return work(service)

    return _as_client(steer)


def _require(names: Sequence[str]) -> None:
    if not names:
        raise WrongUse("say which: NAME, as in the setting `destinations` (`destinations list` shows them)")


def _utc(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _with_settings(flags: Mapping[str, object], config: Path | None, command: Command) -> int:
    """Load the settings and run the command with them."""
    import asyncpg

    from analytics_internal.settings import load

    settings, origins = load(flags, config, warn=_say)
    try:
        return command(settings, origins)
    except asyncpg.InsufficientPrivilegeError as error:
        raise CommandError(
            f"the database's role may not do this: {error}; run `analytics-internal migrate` with a role that owns the "
            "schema (docs/reference/postgresql.md lists the rights)"
        ) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, OverflowError) as error:
        raise CommandError(f"the database or the data folder cannot be used: {error}") from error
    except KeyError as error:
        if "getpwuid" not in str(error):
            raise
        raise CommandError("database_url names no user, and this process's user has no name: add one to it") from error


def _print(settings: Settings, origins: Mapping[str, str]) -> int:
    from analytics_internal.settings import printable

    print(printable(settings, origins))
    return 0


def _serve(settings: Settings, _: Mapping[str, str]) -> int:
    from analytics_internal.process import serve as service

    return service.run(settings)


def _migrate(settings: Settings, _: Mapping[str, str]) -> int:
    from analytics_internal.process import serve as service

    return service.migrate(settings)


def _examine(settings: Settings, url: str | None, token: str | None) -> int:
    from analytics_internal import doctor as examination

    return examination.run(settings, url, token)


def _as_client(work: Callable[[], int]) -> int:
    try:
        return work()
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise WrongUse(f"{place}{error.strerror or error}") from error


def _address(url: str | None, data_dir: Path | None) -> str:
    """Address of the running service. Raises NotRunning when none runs on the data folder."""
    from analytics_internal.client.remote import DEFAULT_URL
    from analytics_internal.whereabouts import service_of

    if url is not None or data_dir is None:
        return url or DEFAULT_URL
    return service_of(Path(os.path.expanduser(data_dir)).absolute())


def _say(text: str) -> None:
    print(f"analytics-internal: {text}", file=sys.stderr)
