"""A receiver's own client, run beside the event loop of the destination under test."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_elsewhere(steps: Coroutine[Any, Any, Result]) -> Result:
    """What the steps return, run in a thread and a loop of their own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, steps).result()
