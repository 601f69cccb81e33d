"""``doctor`` asks the reader of a running service as a machine that may read everything."""

from __future__ import annotations

import httpx

from tests.running import command
from tests.samples import navigation
from tests.serving import API, serving

TOKEN = "the-token-of-a-machine"


def test_the_reader_of_a_running_service_is_compared_with_the_log() -> None:
    with serving(auth="backstage", portal_url="http://127.0.0.1:1", import_tokens=[TOKEN]) as service:
        stored = httpx.post(
            f"{service.url}{API}/events", json=navigation(), headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert stored.status_code == 200
        asked = ("doctor", "--data-dir", str(service.data_dir))
        trusted = command(*asked, "--token", TOKEN)
        assert "compared with the log at 1 (day, item, person) counts" in trusted.stdout
        assert trusted.returncode == 0
        unknown = command(*asked)
        assert "the reader was not compared with the log: the running service could not be asked: 401: " in (
            unknown.stdout
        )
        assert (
            "(--token takes one of the service's import_tokens, which a portal's app-config has in " in unknown.stdout
        )
        assert "analyticsInternal.importTokens; --url takes another address" in unknown.stdout
        assert unknown.returncode == 0
