"""Settings as text: those in force, with secrets masked, and the table of the reference."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from analytics_internal.cache import SHARES, bound_of
from analytics_internal.masking import MASK, masked_url
from analytics_internal.settings.model import Settings


def printable(settings: Settings, origins: Mapping[str, str]) -> str:
    """The settings in force, one per line with its source; secrets masked."""
    shown = {name: masked(name, getattr(settings, name)) for name in Settings.model_fields}
    names = max(map(len, shown))
    width = max(len(value) for value in shown.values() if len(value) <= 48)
    lines = [f"{name:<{names}} = {value:<{width}}  # {origins[name]}" for name, value in shown.items()]
    return "\n".join([*lines, *_shares(settings.cache_bytes)])


def _shares(cache_bytes: int) -> list[str]:
    """Each cache's share of ``cache_bytes``, and the sum, as comments."""
    shares = {name: bound_of(name, cache_bytes) for name in SHARES}
    names = max(map(len, shares))
    lines = [
        f"#   {name:<{names}} {size / (1 << 20):7.1f} MiB"
        for name, size in {**shares, "sum": sum(shares.values())}.items()
    ]
    return ["# Caches take at most:", *lines]


def markdown() -> str:
    """The table of docs/reference/settings.md."""
    lines = ["| setting | values | default | |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = _DERIVED_DEFAULTS.get(name) or ("" if field.default is None else f"`{_toml(field.default)}`")
        lines.append(f"| `{name}` | {_allowed(name)} | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def masked(name: str, value: object) -> str:
    if name == "import_tokens" and isinstance(value, list):
        return _toml([MASK for _ in value])
    if name == "portal_token" and value is not None:
        return _toml(MASK)
    if name == "destinations" and isinstance(value, list):
        return _destinations(value)
    if name.endswith("_url") and value is not None:
        return _toml(masked_url(value) if isinstance(value, str) else MASK)
    return _toml(value)


def _destinations(given: list[Any]) -> str:
    if not given:
        return "[]"
    # Imported here: whoever has no destinations needs none of it.
    from analytics_internal.forward import shown

    lines = [f"  {{{', '.join(f'{name} = {_toml(value)}' for name, value in one.items())}}},\n" for one in shown(given)]
    return f"[\n{''.join(lines)}]"


def _toml(value: object) -> str:
    """A value as written in a configuration file."""
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(name)} = {_toml(part)}' for name, part in value.items())}}}"
    if isinstance(value, int | float | str):
        return json.dumps(value, ensure_ascii=False)
    return "(none)" if value is None else _toml(str(value))


def _key(name: object) -> str:
    text = str(name)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)


_DERIVED_DEFAULTS = {
    "data_dir": "the platform's data folder, like `~/.local/share/analytics-internal`; without a home folder "
    "`/var/lib/analytics-internal`",
    "timezone": "the machine's, else `UTC`",
    "reader_threads": "one per processor",
}
_KINDS = {
    "integer": "whole number",
    "number": "number",
    "array": "list",
    "string": "text",
    "boolean": "`true`, `false`",
}


def _allowed(name: str) -> str:
    schema = Settings.model_json_schema()["properties"][name]
    schema = next((choice for choice in schema.get("anyOf", []) if choice["type"] != "null"), schema)
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    kind = _KINDS[schema["type"]]
    if lowest is None:
        return kind
    return f"{kind}, {lowest} to {highest}" if highest is not None else f"{kind}, {lowest} or more"
