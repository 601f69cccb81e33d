"""No address is shown with a password or a token in it: not in listings, errors, log lines, nor answers."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from analytics_internal.cli import run
from analytics_internal.logs import configure_logs
from analytics_internal.masking import masked_text, masked_url
from analytics_internal.settings.model import InvalidSettings, Settings
from analytics_internal.settings.printing import printable
from analytics_internal.settings.sources import load
from tests.command import command
from tests.http.stand_in_portal import PortalStandIn
from tests.service import API, running_service

pytestmark = pytest.mark.slow

SECRET = "hunter2"
URL_SETTINGS = [name for name in Settings.model_fields if name.endswith("_url")]
SHAPES = [
    "{scheme}://user:{secret}@host.invalid/x",
    "{scheme}://user:a/{secret}@host.invalid/x",
    "{scheme}://user:a?{secret}@host.invalid",
    "{scheme}://user:a#{secret}@host.invalid",
    "{scheme}://user:a@{secret}@host.invalid",
    "{scheme}://user:[{secret}@host.invalid",
    "{scheme}://user:1 {secret}@host.invalid",
    "{scheme}://user:{secret}@[host",
    "{scheme}://user:{secret}@host.invalid:99999/",
    "{scheme}:user:{secret}@host.invalid",
    "user:{secret}@host.invalid",
    "//user:{secret}@host.invalid",
    "{scheme}://user:{secret}",
    "{scheme}://user:{secret}/x",
]
WEB_SHAPES = [
    "{scheme}://host.invalid/?token={secret}",
    "{scheme}://host.invalid/?a=b&api_key={secret}&c",
    "{scheme}://host.invalid/?{secret}",
    "{scheme}://host.invalid/#{secret}",
    "{scheme}://{secret}@host.invalid/",
    "{scheme}://host.invalid:{{}}/?token={secret}",
]
DATABASE_SHAPES = [
    "{scheme}://ana@host.invalid/db?password={secret}",
    "{scheme}://ana@host.invalid/db?sslmode=require&sslpassword={secret}",
    "{scheme}://ana@host.invalid/db?oauth_client_secret={secret}",
    "{scheme}://ana@host.invalid/db?password={secret}&%zz",
]


def _urls(name: str) -> list[str]:
    is_database = name == "database_url"
    schemes = ["postgresql", "mysql"] if is_database else ["http", "HTTPS"]
    shapes = SHAPES + (DATABASE_SHAPES if is_database else WEB_SHAPES)
    return [shape.format(scheme=scheme, secret=SECRET) for scheme in schemes for shape in shapes]


EVERY_URL = [(name, url) for name in URL_SETTINGS for url in _urls(name)]


@pytest.mark.parametrize(("name", "url"), EVERY_URL)
def test_no_listing_and_no_error_of_settings_shows_a_secret(
    name: str, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for given_as in ("flag", "environment", "file", "list"):
        flags: dict[str, object] = {"auth": "none"}
        config = tmp_path / "x.toml"
        config.write_text("")
        if given_as == "flag":
            flags[name] = url
        elif given_as == "environment":
            monkeypatch.setenv(f"ANALYTICS_INTERNAL_{name.upper()}", url)
        else:
            monkeypatch.delenv(f"ANALYTICS_INTERNAL_{name.upper()}", raising=False)
            config.write_text(f"{name} = {json.dumps([url] if given_as == 'list' else url)}")
        try:
            shown = printable(*load(flags, config, warn=pytest.fail))
        except InvalidSettings as error:
            shown = str(error)
        assert SECRET not in shown, given_as


@pytest.mark.parametrize(
    "text",
    [
        f"database_url: postgresql://ana:{SECRET}@host/db: x",
        f'"postgresql://ana:{SECRET}@host/db"',
        f"database_url: *{SECRET}",
        f"database_url: [{SECRET}",
        f"database_url: @{SECRET}",
        f"database_url: !{SECRET} x",
        f"database_url: '{SECRET}",
        f"database_url = {SECRET}",
        f"- {SECRET}",
        f"{{database_url: %{SECRET}}}",
    ],
)
@pytest.mark.parametrize("name", ["x.yaml", "x.toml"])
def test_a_file_that_cannot_be_read_is_not_repeated(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidSettings) as raised:
        load({"auth": "none"}, tmp_path / name)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("arguments", [("import", "-"), ("export",), ("demo", "--events", "1"), ("doctor",)])
@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@127.0.0.1:1",
        f"http://{SECRET}@127.0.0.1:1",
        f"http://127.0.0.1:1/?token={SECRET}",
        f"http://user:{SECRET}@[127.0.0.1:1",
        f"http://user:{SECRET}@127.0.0.1:99999",
        f"http://user:{SECRET}",
        f"user:{SECRET}@127.0.0.1:1",
        f"ftp://user:{SECRET}@127.0.0.1:1",
    ],
)
def test_no_command_shows_the_secret_of_its_address(
    arguments: tuple[str, ...], url: str, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics_internal.client.remote.FIRST_PATIENCE_S", 0.1)
    more = ("--database-url", dsn, "--data-dir", str(tmp_path)) if arguments[0] == "doctor" else ()
    done = command(*arguments, "--url", url, *more, stdin=b'{"a": 1}')
    assert SECRET not in done.stdout + done.stderr
    assert done.returncode != 0 or arguments[0] == "doctor"


def test_a_word_that_no_command_takes_is_shown_without_its_secret(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["serve", f"--portl-url=http://u:{SECRET}@x"],
        ["serve", f"http://u:{SECRET}@x"],
        ["import", f"http://u:{SECRET}@x/file"],
        ["export", "--limit", f"http://u:{SECRET}@x"],
        ["migrate", "--config", f"http://u:{SECRET}@x/file.toml"],
    ):
        assert run(arguments) != 0
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err


@pytest.mark.parametrize("command_name", ["migrate", "doctor"])
@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ana:{SECRET}@127.0.0.1:1/db",
        f"postgresql://ana@127.0.0.1:1/db?password={SECRET}",
        f"postgresql://ana:{SECRET}@127.0.0.1:1/db?sslmode=nonsense",
        f"postgresql://ana:{SECRET}@127.0.0.1:99999/db",
        f"postgresql://ana:{SECRET}@127.0.0.1:1,127.0.0.1/db?port={SECRET}",
        f"postgresql://ana:{SECRET}@no-such-name.invalid/db",
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(
    command_name: str, url: str, tmp_path: Path
) -> None:
    done = command(command_name, "--database-url", url, "--data-dir", tmp_path)
    assert done.returncode != 0
    assert SECRET not in done.stdout + done.stderr


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:], level = before
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.usefixtures("lines")
def test_no_log_line_shows_the_secret_of_an_address(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug", form)  # type: ignore[arg-type]
    url = f"http://user:{SECRET}@host/?token={SECRET}"
    log = structlog.get_logger("test")
    log.info("text", url=url, nested={"urls": [url, (url,)]}, error=ValueError(url))
    logging.getLogger("another.library").warning("failed: %s", url)
    try:
        raise httpx.UnsupportedProtocol(f"no protocol in {url}")
    except httpx.HTTPError:
        log.exception("with a traceback")
    said = capsys.readouterr().err
    assert said.count("host/") >= 6
    assert "Traceback" in said
    assert SECRET not in said


@given(
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=1), st.sampled_from(["http", "https", "postgresql"])
)
def test_no_password_is_shown_whatever_its_characters(password: str, scheme: str) -> None:
    shown = masked_url(f"{scheme}://user:<<{password}>>@host/path")
    assert "<<" not in shown
    assert ">>" not in shown
    assert shown.endswith("@host/path")


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_what_is_masked_is_not_masked_further(text: str) -> None:
    assert masked_url(masked_url(text)) == masked_url(text)


def test_a_colon_after_an_address_makes_no_secret_of_its_port() -> None:
    assert masked_text("http://127.0.0.1:7008: no answer") == "http://127.0.0.1:7008: no answer"


def test_a_text_keeps_what_is_not_secret() -> None:
    assert masked_text("GET https://host/path failed") == "GET https://host/path failed"
    assert masked_text("nats://host:4222: refused") == "nats://host:4222: refused"
    assert masked_text("nats://host:hunter2: refused") == "nats://host:••••••: refused"
    assert masked_text("see 'http://u:p@host/path'") == "see 'http://••••••@host/path'"


def test_callers_and_logs_learn_no_secret_of_the_portals_address(tmp_path: Path) -> None:
    with PortalStandIn() as portal:
        address = f"http://user:{SECRET}@127.0.0.1:1/?token={SECRET}"
        settings = {"portal_url": f"https://u:{SECRET}@portal.example/?x={SECRET}", "internal_backend_url": address}
        with running_service(tmp_path, auth="backstage", **settings) as service:
            headers = {"Authorization": f"Bearer {portal.token()}"}
            answers = [
                httpx.get(f"{service.url}{API}/configuration", headers=headers, timeout=60),
                httpx.post(f"{service.url}{API}/events", headers=headers, json={"action": "x"}, timeout=60),
                httpx.get(f"{service.url}/readyz", timeout=60),
                httpx.get(f"{service.url}/metrics", timeout=60),
            ]
    assert answers[0].status_code == 503
    assert "the portal did not answer at http://••••••@127.0.0.1:1/api/auth" in answers[0].json()["detail"]
    assert not [answer for answer in answers if SECRET in answer.text]
    log = service.log.read_text()
    assert re.search("the portal does not answer", log)
    assert SECRET not in log
