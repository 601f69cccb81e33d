"""``config.d.ts`` of the bridge marks what is secret of a destination, so that Backstage keeps it out of its log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analytics_internal.forward.configuration import BUILT_IN, UnusableDestination, type_named

SCHEMA = Path(__file__).parents[2] / "backstage/plugins/analytics-internal-backend/config.d.ts"
_marked = re.compile(r"@(?:deepV|v)isibility secret\s*\*/\s*(\w+)\?:")


@pytest.mark.parametrize("kind", sorted(BUILT_IN))
def test_every_secret_option_of_a_type_is_marked_in_the_schema_of_app_config(kind: str) -> None:
    try:
        options = type_named(kind).Options
    except UnusableDestination as error:
        pytest.skip(str(error))
    secret = {name for name, field in options.model_fields.items() if "secret.Secret" in str(field.annotation)}

    assert secret <= set(_marked.findall(SCHEMA.read_text()))


def test_addresses_are_marked_because_some_have_a_secret_in_their_path() -> None:
    assert "url" in _marked.findall(SCHEMA.read_text())
