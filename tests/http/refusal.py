"""An error as Backstage answers it."""

from __future__ import annotations


class Refusal(Exception):
    """An error with its status, and its name in the answer."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
