"""Find and end the processes of a PostgreSQL server."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from analytics_internal.errors import AnalyticsError

# The last checkpoint writes at most `shared_buffers`.
STOP_LIMIT_S = 60.0
KILL_LIMIT_S = 10.0
POLL_S = 0.01


class DoesNotEnd(AnalyticsError):
    """A killed process does not end: it waits for a disk that does not answer."""


def working_in(*folders: Path) -> Iterator[psutil.Process]:
    """The PostgreSQL and initdb processes that run in these folders."""
    names = {str(folder.resolve()) for folder in folders}
    for process in psutil.process_iter(["name"]):
        if process.info["name"] in {"postgres", "initdb"}:
            with contextlib.suppress(psutil.Error):
                if process.cwd() in names and _is_alive(process):
                    yield process


def stop(postmaster: psutil.Process) -> None:
    """Stop a server: with a checkpoint, else without, which costs a recovery but loses nothing."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for number, limit_s in ((signal.SIGINT, STOP_LIMIT_S), (signal.SIGQUIT, KILL_LIMIT_S)):
            postmaster.send_signal(number)
            if _ends(postmaster, limit_s):
                return
        postmaster.kill()


def kill_all_in(*folders: Path) -> None:
    """Kill the processes that a dead server has left behind.

    Backends end by themselves, but only after their current work. Killing them is safe: uncommitted work was never
    acknowledged.

    Raises:
        DoesNotEnd: a process stays; a new server would not start beside it.
    """
    left_over = list(working_in(*folders))
    for process in left_over:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    for process in left_over:
        if not _ends(process, KILL_LIMIT_S):
            raise DoesNotEnd(f"process {process.pid}, left over from an earlier PostgreSQL, does not end")


def _ends(process: psutil.Process, limit_s: float) -> bool:
    limit = time.monotonic() + limit_s
    while _is_alive(process):
        if time.monotonic() > limit:
            return False
        time.sleep(POLL_S)
    return True


def _is_alive(process: psutil.Process) -> bool:
    # A zombie process holds no resources. As process 1 of a container the service is its parent and has to reap it.
    with contextlib.suppress(psutil.NoSuchProcess):
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(0)
            return False
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
