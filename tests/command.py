"""The command ``analytics-internal``, run to its end."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

from analytics_internal.cli import run
from tests.service import COMMAND, ServiceProcess


def command(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run ``analytics-internal`` to its end, in this process: starting Python takes longer than most commands."""
    output, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    before = sys.stdin, sys.stdout, sys.stderr
    # A pipe's bytes can be peeked at, a BytesIO's cannot.
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)), "utf-8")
    sys.stdout, sys.stderr = output, errors
    try:
        code = run([str(argument) for argument in arguments])
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
    return subprocess.CompletedProcess(arguments, code, _written(output), _written(errors))


def _written(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def command_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``analytics-internal`` to its end in a process of its own."""
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)


def exported(service: ServiceProcess, after: int = 0) -> list[dict[str, object]]:
    """The stored events after a position, in the log's order."""
    done = command("export", "--url", service.url, "--after", str(after))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
