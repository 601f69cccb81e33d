"""Where settings come from: flags, the environment, a file, defaults."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SettingsError, TomlConfigSettingsSource, YamlConfigSettingsSource

from analytics_internal.masking import MASK, masked_text, masked_url
from analytics_internal.settings.model import PREFIX, InvalidSettings, Settings
from analytics_internal.settings.printing import flag_of, masked
from analytics_internal.settings.values import SEVERAL

# The --token of commands that talk to a running service.
CLIENT_VARIABLES = frozenset({"ANALYTICS_INTERNAL_TOKEN"})
# Variables that Kubernetes sets in pods for a Service whose name begins with ours. `PORT` is also a setting of ours.
_kubernetes = re.compile(
    r"(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)", re.IGNORECASE
)
_kubernetes_port = re.compile(r"(?i)(tcp|udp|sctp)://")
# Secrets may be anywhere in what was given.
WITHOUT_VALUE = frozenset({"destinations"})
SECRET = frozenset({"import_tokens", "portal_token"})
FILES = ("analytics-internal.toml", "analytics-internal.yaml")
# A source's values, and the name of the source for one setting.
_Found = tuple[dict[str, object], Callable[[str], str]]


def load(
    flags: Mapping[str, object], config: Path | None = None, warn: Callable[[str], None] = lambda _: None
) -> tuple[Settings, dict[str, str]]:
    """The settings in force, and the source of each; ``warn`` gets a message for each ignored value.

    Flags win over the environment, the environment over the file, the file over defaults. A flag with the value None
    counts as not given.

    Raises:
        InvalidSettings: with all errors of all sources.
    """
    file = config if config is not None else next((Path(name) for name in FILES if Path(name).is_file()), None)
    problems: list[str] = []
    values: dict[str, object] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    for found, origin_of in (_from_file(file, problems), _from_environment(warn), _from_flags(flags)):
        values.update(found)
        origins.update({name: origin_of(name) for name in found})
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [line for detail in error.errors(include_url=False) for line in _lines(detail, origins)]
    if problems:
        raise InvalidSettings(*problems)
    return settings, origins


def _from_file(file: Path | None, problems: list[str]) -> _Found:
    if file is None:
        return {}, str
    origin = masked_text(f"file {file if file.is_absolute() else f'./{file}'}")
    found = _read(file)
    for name in [name for name in found if name not in Settings.model_fields]:
        problems.append(f"{name}: unknown setting ({origin}); {_instead(str(name))}")
        del found[name]
    return found, lambda _: origin


def _read(file: Path) -> dict[str, object]:
    """The file's values. Raises InvalidSettings: the file cannot be read or parsed."""
    source = {".toml": TomlConfigSettingsSource, ".yaml": YamlConfigSettingsSource, ".yml": YamlConfigSettingsSource}
    name = masked_text(str(file))  # it may be a URL given by mistake
    if file.suffix not in source:
        raise InvalidSettings(f"{name}: must be a .toml or a .yaml file")
    try:
        file.read_bytes()  # The sources take a missing file for an empty one.
        return dict(source[file.suffix](Settings, file)())
    except OSError as error:
        raise InvalidSettings(f"{name}: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        # Text in quotation marks comes from the file and may be secret.
        what = re.sub(r"'.*'", "it", " ".join(filter(None, (error.context, error.problem))))
        place = f" (at line {mark.line + 1}, column {mark.column + 1})" if (mark := error.problem_mark) else ""
        raise InvalidSettings(f"{name}: must be settings by name: {what}{place}") from error
    except (ValueError, TypeError, SettingsError, yaml.YAMLError) as error:
        raise InvalidSettings(f"{name}: must be settings by name: {' '.join(str(error).split())}") from error


def _from_environment(warn: Callable[[str], None]) -> _Found:
    found = EnvSettingsSource(Settings)()
    for variable, value in sorted(os.environ.items()):
        if not variable.upper().startswith(PREFIX) or variable.upper() in CLIENT_VARIABLES:
            continue
        name = variable[len(PREFIX) :].lower()
        is_kubernetes = _kubernetes.fullmatch(name) is not None or (
            re.search("(?i)(^|_)port$", name) is not None and _kubernetes_port.match(value) is not None
        )
        if name not in Settings.model_fields:
            if not is_kubernetes:
                warn(f"{variable}: unknown setting (environment), ignored; {_instead(name)}")
        elif is_kubernetes:
            found.pop(name, None)
            warn(
                f"{variable}={masked_url(value)} is ignored: Kubernetes sets it for a Service of this program's name; "
                f"a {name} of your own is a number"
            )
    return found, lambda name: f"environment {PREFIX}{name.upper()}"


def _from_flags(flags: Mapping[str, object]) -> _Found:
    assert flags.keys() <= Settings.model_fields.keys(), "the command line offers a flag without a setting"
    return {name: value for name, value in flags.items() if value is not None}, lambda name: f"flag {flag_of(name)}"


def _instead(name: str) -> str:
    similar = get_close_matches(name.replace("-", "_"), Settings.model_fields, 1, 0.6)
    return f"did you mean {similar[0]}?" if similar else f"allowed are {', '.join(Settings.model_fields)}"


def _lines(detail: ErrorDetails, origins: Mapping[str, str]) -> Iterator[str]:
    if not detail["loc"]:
        yield detail["msg"]
        return
    name = str(detail["loc"][0])
    if detail["type"] == SEVERAL:
        yield from (f"{name}: {line} ({origins[name]})" for line in detail["msg"].splitlines())
        return
    given = "" if name in WITHOUT_VALUE else f"{MASK if name in SECRET else masked(name, detail['input'])} "
    yield f"{name}: {given}({origins[name]}) {_requirement(detail)}"


def _requirement(detail: ErrorDetails) -> str:
    """What a value must be, in place of pydantic's own message."""
    if detail["type"] == "not_allowed":
        return detail["msg"]
    return re.sub(r"^(Input|Value|String|List) should ", "must ", detail["msg"]).partition(",")[0]
