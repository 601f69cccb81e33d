"""Ports of this machine for what is not our service; that one takes a free port itself (``--port 0``)."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

LOOPBACK = ("127.0.0.1", 0)


def reserved_port() -> int:
    """A port for a Backstage backend, which must be told it beforehand: its ``baseUrl`` names it.

    A connection of ours is closed on it, so that the kernel gives it to nobody else for a minute. Only a server that
    sets ``SO_REUSEADDR`` gets it, as Node's do.
    """
    with socket.socket() as listener:
        # Without it here, nobody could have the port for that minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(LOOPBACK)
        listener.listen(1)
        port: int = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), contextlib.closing(listener.accept()[0]):
            return port


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nobody listens as long as the context."""
    with socket.socket() as taken:
        taken.bind(LOOPBACK)
        yield taken.getsockname()[1]
