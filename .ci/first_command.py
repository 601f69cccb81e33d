"""The README's first minutes on a machine where nothing is installed, and what they must show.

``python3 .ci/first_command.py FOLDER`` in a clean clone: ``make run``, the page and each of its scripts and styles, the
recorded events imported twice, a question, Ctrl-C; then ``make demo``. Needs Python alone. Exit code 0, or 1 with what
was wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urljoin

# Installing from the registries is most of it.
START_LIMIT_S = 900.0
STOP_LIMIT_S = 60.0
DEMO_EVENTS = 2_000
PAGES = ("/", "/items/1", "/api.html")
# What a page names in `src` and `href`, and what its scripts load later by their names.
IN_PAGES = re.compile(r'(?:src|href)="(?!https?:|data:|#)([^"]+\.(?:js|css|svg|png|ico|woff2?))"')
IN_SCRIPTS = re.compile(r'["`](?:\./|assets/)([\w.-]+\.(?:js|css))["`]')


class Wrong(Exception):
    """Something is not as the README says."""


@contextlib.contextmanager
def running(folder: Path, *words: str, ends_with: str = "") -> Iterator[str]:
    """A ``make`` that serves, stopped as Ctrl-C in a terminal does it. Yields the address that it prints."""
    command = ["make", *words]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield address_of(process, ends_with)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait(STOP_LIMIT_S)
    deadline = time.monotonic() + STOP_LIMIT_S
    while is_running(process.pid):
        if time.monotonic() > deadline:
            raise Wrong("Ctrl-C leaves something running")
        time.sleep(0.1)


def is_running(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def address_of(process: subprocess.Popen[str], ends_with: str) -> str:
    """What the command prints for a person to open; the line goes on with ``ends_with``."""
    assert process.stdout is not None
    started = time.monotonic()
    for line in process.stdout:
        print(line, end="", flush=True)
        if found := re.match(rf"analytics-internal: (http://\S+)/{ends_with}$", line):
            print(f"first command: ready after {time.monotonic() - started:.0f} s", flush=True)
            return found[1]
        if time.monotonic() - started > START_LIMIT_S:
            break
    raise Wrong(f"`{' '.join(map(str, process.args))}` prints no address; its exit code is {process.poll()}")


def fetched(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            text: str = answer.read().decode()
            return text
    except (URLError, OSError) as error:
        raise Wrong(f"{url}: {error}") from error


def fetch_pages(url: str) -> int:
    """Every page with all that it loads. Returns how many files that were."""
    files: set[str] = set()
    for page in PAGES:
        named = {urljoin(url + page, path) for path in IN_PAGES.findall(fetched(url + page))}
        if not any(name.endswith(".js") for name in named) or not any(name.endswith(".css") for name in named):
            raise Wrong(f"{page} names no script or no style: {sorted(named)}")
        files |= named
    waiting, done = list(files), set[str]()
    while waiting:
        file = waiting.pop()
        done.add(file)
        text = fetched(file)
        if not text:
            raise Wrong(f"{file} is empty")
        if file.endswith(".js"):
            waiting += {urljoin(file, name) for name in IN_SCRIPTS.findall(text)} - done - set(waiting)
    return len(done)


def import_recorded(folder: Path, url: str) -> int:
    """The README's next command, twice: nothing is stored twice. Returns how many events are stored."""
    files = sorted(str(file.relative_to(folder)) for file in (folder / "tests/events").glob("*.jsonl"))
    command = [".venv/bin/analytics-internal", "import", *files, "--url", url]
    stored = []
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Wrong(f"the import ends with {done.returncode}: {done.stderr}")
        stored.append(events_stored(url))
    if stored[0] != stored[1] or not stored[0]:
        raise Wrong(f"the import stores {stored[0]} events at first, and then there are {stored[1]}")
    return stored[0]


def events_stored(url: str) -> int:
    """How far the log reaches: events of any age."""
    question = json.dumps({"metrics": ["events"]}).encode()
    request = urllib.request.Request(
        f"{url}/api/analytics-internal/query", question, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        position: int = json.load(answer)["meta"]["position"]
    return position


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main(folder: Path) -> int:
    try:
        with running(folder, "run", "PORT=0") as url:
            files = fetch_pages(url)
            events = import_recorded(folder, url)
        demo = ("demo", f"PORT={free_port()}", f"EVENTS={DEMO_EVENTS}")
        with running(folder, *demo, ends_with=r" \(demo.*\)") as url:
            if events_stored(url) != DEMO_EVENTS:
                raise Wrong(f"the demo stores {events_stored(url)} events")
    except Wrong as wrong:
        print(f"first command: {wrong}", file=sys.stderr)
        return 1
    print(
        f"first command: {len(PAGES)} pages with {files} files fetched, {events} recorded events stored once, stopped"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
