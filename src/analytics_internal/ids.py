"""UUIDs of version 7 (RFC 9562): 48 bits of time in milliseconds since 1970, the rest free."""

from __future__ import annotations

from uuid import UUID


def version_7(milliseconds: int, rest: int) -> UUID:
    """The UUID of this time with the low 80 bits of ``rest``, six of which give way to version and variant."""
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | rest & (1 << 80) - 1
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
