"""A way to a broker that can be cut, or go silent, faster than a broker is killed and started again."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class TcpProxy:
    """Passes connections on to a port of this machine, on a port of its own that stays the same."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._passes_on = threading.Event()
        self._passes_on.set()
        self._connections: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                inside, _ = listener.accept()
                with self._lock:
                    if listener.fileno() < 0:
                        inside.close()
                        return
                    outside = socket.create_connection(("127.0.0.1", self._to))
                    self._connections += [inside, outside]
                for source, target in ((inside, outside), (outside, inside)):
                    threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._passes_on.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Close all connections, and take none."""
        with self._lock:
            # A thread that waits in accept keeps the socket open.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
            self._connections.clear()

    def join(self) -> None:
        """Take connections again."""
        self._listener = self._listen(self.port)

    def hold(self) -> None:
        """Keep connections, and pass nothing on."""
        self._passes_on.clear()

    def release(self) -> None:
        self._passes_on.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._passes_on.set()
        self.cut()
