"""The tokens with which the service asks the portal's plugins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analytics_internal.auth.portal_tokens import NoPortalToken, PortalTokens


def test_the_file_is_read_for_each_request_and_goes_before_the_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    tokens = PortalTokens(file, "static-token")
    for generation in ("first", "renewed"):
        file.write_text(json.dumps({"catalog": generation}))
        assert tokens.token_for("catalog") == generation


def test_one_token_is_good_for_every_plugin() -> None:
    assert PortalTokens(token="static-token").token_for("scaffolder") == "static-token"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file"),
        ("{", "no JSON object"),
        ('{"catalog": 1, "secret": "x"}', "no JSON object"),
        ('{"scaffolder": "x"}', "no token for the portal's catalog"),
    ],
)
def test_why_there_is_no_token_is_said_without_repeating_any(tmp_path: Path, content: str | None, reason: str) -> None:
    file = tmp_path / "tokens.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(NoPortalToken, match=reason) as raised:
        PortalTokens(file).token_for("catalog")
    assert "secret" not in str(raised.value)


def test_without_a_token_it_is_said_how_to_get_one() -> None:
    with pytest.raises(NoPortalToken, match="set portal_token"):
        PortalTokens().token_for("catalog")
