"""Connections leave files for the rest, and without any free file the service waits instead of dying."""

from __future__ import annotations

import contextlib
import resource
import socket

import httpx
import psutil
import pytest

from analytics_internal.http.connections import RESERVED_FILES, SPARE, limits_of, raise_file_limit
from analytics_internal.settings.sources import load
from tests.service import running_service


@pytest.mark.parametrize(("files", "connections"), [(20_000, 2_000), (1_024, 1_024 - RESERVED_FILES - SPARE), (64, 16)])
def test_there_are_no_more_connections_than_files_for_them(
    files: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))

    assert limits_of(load({"auth": "none"})[0]).connections == connections


def test_as_many_files_may_be_open_as_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 4_096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))

    raise_file_limit()

    assert asked == [(4_096, 4_096)]


def test_without_a_free_file_the_service_goes_on_as_soon_as_there_is_one() -> None:
    with running_service() as service, contextlib.ExitStack() as open_:
        process = psutil.Process(service.pid)
        soft, hard = process.rlimit(psutil.RLIMIT_NOFILE)
        process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds(), hard))
        for _ in range(50):
            client = open_.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.settimeout(0.1)
            with contextlib.suppress(OSError):
                client.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                client.recv(100)
        process.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))

        assert service.is_alive()
        assert httpx.get(f"{service.url}/readyz", timeout=60).status_code == 200
        assert service.log.read_text().count("\n") < 100
