"""A receiver under test: where events arrive, and the ways in which it can fail."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any
from unittest import SkipTest
from uuid import UUID


class Receiver(abc.ABC):
    """A running receiver, as the tests see it. Called in the thread of the test, never by the destination."""

    @property
    @abc.abstractmethod
    def options(self) -> Mapping[str, Any]:
        """The options of a destination that delivers here, as the settings have them, secrets among them."""

    @abc.abstractmethod
    def received(self) -> Sequence[UUID]:
        """The ids of the events that have arrived since it was made, in the order of arrival, repeats too.

        A receiver that keeps a repeated event once names it once.
        """

    def stop(self) -> None:
        """Take nothing from now on, as if the machine were off. What has arrived stays."""
        raise SkipTest("this receiver cannot be stopped")

    def start(self) -> None:
        """Be at the same address again after ``stop``."""
        raise SkipTest("this receiver cannot be stopped")

    def hang(self) -> None:
        """Accept connections, and answer nothing from now on."""
        raise SkipTest("this receiver cannot be made to hang")

    def overload(self) -> None:
        """Answer from now on that it takes nothing at the moment."""
        raise SkipTest("this receiver cannot be overloaded")

    def refuse(self) -> None:
        """Answer from now on that the events are of no use."""
        raise SkipTest("this receiver refuses no events")

    def retire(self) -> None:
        """Answer from now on that it wants no more events."""
        raise SkipTest("this receiver cannot say that it wants no more events")

    def recover(self) -> None:
        """Take events again after ``hang``, ``overload``, ``refuse`` or ``retire``."""
        raise SkipTest("this receiver cannot recover")
