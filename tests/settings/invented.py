"""A type of destination as others may write one, with every kind of option."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from analytics_internal.forward.destination import Batch, Destination, Options, Refusal
from analytics_internal.forward.secret import Secret


class InventedOptions(Options):
    url: Annotated[str, Field(min_length=8)]
    secret: Secret | list[Secret] | None = None
    password: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    compression: Literal["gzip", "zstd"] = "gzip"
    batch_events: Annotated[int, Field(ge=1, le=1_000)] = 500
    is_strict: bool = True
    timeout_s: float | None = None
    topics: tuple[str, ...] = ()

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url


class Invented(Destination[InventedOptions]):
    Options: ClassVar[type[Options]] = InventedOptions

    async def send(self, batch: Batch) -> Sequence[Refusal]:
        raise NotImplementedError
