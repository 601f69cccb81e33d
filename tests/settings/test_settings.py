"""The settings: which source wins, what is said about a mistake, and that no secret is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics_internal.settings.model import InvalidSettings, Settings
from analytics_internal.settings.printing import markdown, printable
from analytics_internal.settings.sources import load

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
TOKEN = "a-token-of-a-machine"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ANALYTICS_INTERNAL_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def _file(text: str, name: str = "analytics-internal.toml") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def _problems(flags: dict[str, object], config: Path | None = None) -> list[str]:
    with pytest.raises(InvalidSettings) as raised:
        load(flags, config)
    return list(raised.value.lines)


def test_a_flag_goes_before_the_environment_and_that_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    _file('auth = "none"\nport = 1\nflushers = 3\nlinger_ms = 5')
    monkeypatch.setenv("ANALYTICS_INTERNAL_PORT", "2")
    monkeypatch.setenv("ANALYTICS_INTERNAL_FLUSHERS", "4")
    settings, origins = load({"port": 3, "host": None})
    assert (settings.port, settings.flushers, settings.linger_ms, settings.host) == (3, 4, 5, "127.0.0.1")
    assert origins["port"] == "flag --port"
    assert origins["flushers"] == "environment ANALYTICS_INTERNAL_FLUSHERS"
    assert origins["linger_ms"] == "file ./analytics-internal.toml"
    assert origins["host"] == "default"
    assert origins.keys() == Settings.model_fields.keys()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.toml", 'auth = "none"\nreaders = ["user:default/ana", "bo"]'),
        ("x.yaml", "auth: none\nreaders: [user:default/ana, 'bo']"),
        ("x.yml", "auth: none\nreaders: user:default/ana, bo"),
    ],
)
def test_a_file_may_be_toml_or_yaml(name: str, text: str) -> None:
    settings, _ = load({}, _file(text, name))
    assert settings.readers == ["user:default/ana", "bo"]


def test_a_file_that_is_named_goes_before_the_one_that_is_found() -> None:
    _file('auth = "none"\nport = 1')
    assert load({}, _file('auth = "none"\nport = 2', "other.toml"))[0].port == 2


def test_lists_in_the_environment_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_INTERNAL_READERS", "user:default/ana, *")
    assert load({"auth": "none"})[0].readers == ["user:default/ana", "*"]


def test_an_empty_list_in_the_environment_is_written_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_INTERNAL_READERS", "[]")
    monkeypatch.setenv("ANALYTICS_INTERNAL_PEOPLE_READERS", '["user:default/ana", "group:default/platform"]')
    settings, _ = load({"auth": "none"})
    assert settings.readers == []
    assert settings.people_readers == ["user:default/ana", "group:default/platform"]


def test_a_list_that_is_no_json_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_INTERNAL_READERS", '["user:default/ana"')
    (problem,) = _problems({"auth": "none"})
    assert "must be a list, written with commas like a, b or in JSON" in problem


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_INTERNAL_PORT", "")
    assert load({"auth": "none"})[1]["port"] == "default"


def test_an_unknown_name_in_a_file_is_an_error_that_names_what_is_allowed() -> None:
    _file('auth = "none"\nprot = 1\nnonsense = 1')
    assert _problems({}) == [
        "prot: unknown setting (file ./analytics-internal.toml); did you mean port?",
        "nonsense: unknown setting (file ./analytics-internal.toml); allowed are " + ", ".join(Settings.model_fields),
    ]


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [("PROT", "port"), ("TIME_ZONE", "timezone"), ("DB_URL", "database_url"), ("READER", "readers")],
)
def test_an_unknown_variable_is_a_warning_with_the_nearest_name(
    variable: str, nearest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"ANALYTICS_INTERNAL_{variable}", "1")
    warnings: list[str] = []
    load({"auth": "none"}, warn=warnings.append)
    assert warnings == [
        f"ANALYTICS_INTERNAL_{variable}: unknown setting (environment), ignored; did you mean {nearest}?"
    ]


KUBERNETES = {
    "ANALYTICS_INTERNAL_SERVICE_HOST": "10.0.0.1",
    "ANALYTICS_INTERNAL_SERVICE_PORT": "80",
    "ANALYTICS_INTERNAL_SERVICE_PORT_HTTP": "80",
    "ANALYTICS_INTERNAL_SERVICE_PORT_HTTP_METRICS": "9090",
    "ANALYTICS_INTERNAL_PORT_80_TCP": "tcp://10.0.0.1:80",
    "ANALYTICS_INTERNAL_PORT_80_TCP_PROTO": "tcp",
    "ANALYTICS_INTERNAL_PORT_80_TCP_PORT": "80",
    "ANALYTICS_INTERNAL_PORT_80_TCP_ADDR": "10.0.0.1",
    "ANALYTICS_INTERNAL_PORT_53_UDP": "udp://10.0.0.1:53",
    "ANALYTICS_INTERNAL_PORT_9_SCTP_ADDR": "fd00::1",
    "ANALYTICS_INTERNAL_DB_SERVICE_HOST": "10.0.0.2",
    "ANALYTICS_INTERNAL_DB_SERVICE_PORT_POSTGRES": "5432",
    "ANALYTICS_INTERNAL_DB_PORT": "tcp://[fd00::2]:5432",
    "ANALYTICS_INTERNAL_DB_PORT_5432_TCP_ADDR": "fd00::2",
    "ANALYTICS_INTERNAL_PORT_SERVICE_HOST": "10.0.0.3",
}


def test_what_kubernetes_says_of_services_named_like_ours_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in KUBERNETES.items():
        monkeypatch.setenv(variable, value)
    warnings: list[str] = []
    settings, origins = load({"auth": "none"}, warn=warnings.append)
    assert warnings == []
    assert set(origins.values()) == {"default", "flag --auth"}
    assert settings.port == 7008


@pytest.mark.parametrize("value", ["tcp://10.0.0.1:80", "tcp://[fd00::1]:80", "udp://10.0.0.1:80"])
def test_kubernetes_form_of_our_port_is_ignored_and_said_once(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_INTERNAL_PORT", value)
    warnings: list[str] = []
    settings, origins = load({"auth": "none"}, warn=warnings.append)
    assert (settings.port, origins["port"]) == (7008, "default")
    (warning,) = warnings
    assert warning.startswith(f"ANALYTICS_INTERNAL_PORT={value} is ignored: Kubernetes sets it")


def test_a_number_in_the_same_variable_is_our_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_INTERNAL_PORT", "7009")
    assert load({"auth": "none"}, warn=pytest.fail)[0].port == 7009
    monkeypatch.setenv("ANALYTICS_INTERNAL_PORT", "http://x")
    assert "ANALYTICS_INTERNAL_PORT" in _problems({"auth": "none"})[0]


def test_the_clients_token_is_no_unknown_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_INTERNAL_TOKEN", "x")
    assert load({"auth": "none"})[0].port == 7008


def test_every_bad_value_has_a_line_with_its_name_value_origin_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANALYTICS_INTERNAL_BUFFER_EVENTS", "many")
    _file('port = 70000\ntimezone = "America/SaoPaulo"\nreaders = ["component:default/site"]')
    assert _problems({"auth": "nobody"}) == [
        "port: 70000 (file ./analytics-internal.toml) must be less than or equal to 65535",
        'timezone: "America/SaoPaulo" (file ./analytics-internal.toml) must be the IANA name of a time zone, '
        "like America/Sao_Paulo; did you mean America/Sao_Paulo?",
        "auth: \"nobody\" (flag --auth) must be 'backstage' or 'none'",
        'readers: "component:default/site" (file ./analytics-internal.toml) must be the entity ref of a person or '
        'a group, like user:default/ana or group:default/platform, or "*" for everyone who is signed in',
        'buffer_events: "many" (environment ANALYTICS_INTERNAL_BUFFER_EVENTS) must be a valid integer',
    ]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("x.toml", "port = ", "x.toml: must be settings by name: Invalid value (at end of document)"),
        ("x.yaml", "- 1", "x.yaml: must be settings by name: "),
        ("x.yaml", "port: [", "x.yaml: must be settings by name: "),
        ("x.ini", "", "x.ini: must be a .toml or a .yaml file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_problem(name: str, text: str, problem: str) -> None:
    (line,) = _problems({}, _file(text, name))
    assert line.startswith(problem)
    assert "\n" not in line


def test_a_file_that_is_missing_is_an_error() -> None:
    assert _problems({}, Path("missing.toml")) == ["missing.toml: No such file or directory"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "analytics.example"])
def test_without_authentication_only_loopback_is_listened_to(host: str) -> None:
    (problem,) = _problems({"auth": "none", "host": host})
    assert f"host is {host}" in problem
    assert "use host=127.0.0.1 or auth=backstage" in problem


def test_every_address_must_be_loopback_without_authentication() -> None:
    (problem,) = _problems({"auth": "none", "host": "127.0.0.1, 192.0.2.1, ::1, ::"})
    assert "host is 192.0.2.1, ::: use" in problem


@pytest.mark.parametrize("text", ['host = "127.0.0.1, ::1"', 'host = ["127.0.0.1", "::1"]'])
def test_several_addresses_are_a_text_with_commas_or_a_list(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _file(f'auth = "none"\n{text}')
    assert load({}, file)[0].host == "127.0.0.1, ::1"
    assert load({"host": ["127.0.0.1", "::1"]}, file)[0].host == "127.0.0.1, ::1"
    monkeypatch.setenv("ANALYTICS_INTERNAL_HOST", "127.0.0.1,::1")
    assert load({}, file)[0].host == "127.0.0.1,::1"


def test_no_address_at_all_is_an_error() -> None:
    assert "must be an address like 127.0.0.1" in _problems({"auth": "none", "host": " , "})[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "127.0.0.1, ::1", "[::1]"])
def test_loopback_has_many_names(host: str) -> None:
    assert load({"auth": "none", "host": host})[0].host == host


def test_authentication_needs_to_know_the_portal() -> None:
    (problem,) = _problems({})
    assert "needs backend_url" in problem
    assert load({"portal_url": "https://portal.example/base"})[0].auth == "backstage"


def test_the_backend_is_reached_at_its_own_url_unless_another_is_set() -> None:
    known = {"portal_url": "https://portal.example", "backend_url": "https://backend.example"}
    settings, _ = load(known)
    assert (settings.issuer_url, settings.portal_backend_url) == ("https://backend.example",) * 2
    settings, _ = load(known | {"internal_backend_url": "http://backend:7007"})
    assert (settings.issuer_url, settings.portal_backend_url) == ("https://backend.example", "http://backend:7007")


def test_everyone_signed_in_reads_figures_and_nobody_names_unless_it_is_said() -> None:
    settings, _ = load({"portal_url": "https://portal.example"})
    assert (settings.permissions, settings.readers) == ("lists", ["*"])
    assert settings.people_readers == settings.admins == []


def test_what_is_printed_has_no_secret() -> None:
    url = "postgresql://ana:pass%40word@db.example:5432/analytics?sslmode=require&sslpassword=hidden"
    settings, origins = load({"auth": "none", "database_url": url, "import_tokens": [TOKEN, f"another-{TOKEN}"]})
    text = printable(settings, origins)
    assert '"postgresql://ana:••••••@db.example:5432/analytics?sslmode=require&sslpassword=••••••"' in text
    assert '["••••••", "••••••"]' in text
    assert not any(secret in text for secret in ("pass%40word", "hidden", TOKEN))
    assert "# flag --import-tokens" in text


def test_what_is_wrong_with_a_secret_is_said_without_it() -> None:
    problems = _problems({"auth": "none", "database_url": "mysql://ana:hidden@db/x", "import_tokens": ["hidden"]})
    assert problems == [
        'database_url: "mysql://ana:••••••@db/x" (flag --database-url) must be a URL that starts with '
        "postgresql:// or postgres://",
        "import_tokens: •••••• (flag --import-tokens) must have at least 16 characters",
    ]


def test_the_time_zone_is_the_machines_when_it_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    assert load({"auth": "none"})[0].timezone == "America/Sao_Paulo"


def test_the_example_of_the_documentation_is_a_configuration() -> None:
    example = DOCUMENTATION.read_text().partition("```toml\n")[2].partition("```")[0]
    settings, origins = load({}, _file(example))
    assert settings.timezone == "America/Sao_Paulo"
    assert origins["people_readers"] == "file ./analytics-internal.toml"


def test_the_documentation_is_current() -> None:
    assert markdown() in DOCUMENTATION.read_text(), (
        'python -c "from analytics_internal.settings.printing import markdown; print(markdown())" prints the table'
    )


@pytest.mark.parametrize(
    "secret", ["hid[den", "hid]den", "hid#den", "hid/den", "hid?den", "12/hidden", "12?hidden", "hid@den/x", "hid den"]
)
def test_a_password_that_makes_no_url_is_an_error_that_does_not_repeat_it(secret: str) -> None:
    (problem,) = _problems({"auth": "none", "database_url": f"postgresql://ana:{secret}@db/analytics"})

    assert problem == (
        'database_url: "postgresql://ana:••••••@db/analytics" (flag --database-url) must be a URL like '
        "postgresql://user:password@host/database; in a password, percent-encode all but letters, digits, `-`, "
        "`.`, `_` and `~` (%40 for @)"
    )


def test_what_is_no_url_at_all_is_an_error_that_repeats_no_password() -> None:
    for url in ("ana:hid/den@db/analytics", "mysql://ana:hid/den@db", "//ana:hid#den@db", "postgresql:ana:hidden@db"):
        (problem,) = _problems({"auth": "none", "database_url": url})

        assert "••••••@db" in problem
        assert "den" not in problem


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql://ana@/plugin?host=%2Frun",
        "postgresql:///analytics?host=%2Frun%2Fpostgresql&port=5433",
        "postgresql://ana%40corp:p%40ss%3Aw%2Frd%20%2520%3F%23%2B%26%22@db:5433/a%20b%2Fc?sslmode=disable",
        "postgres://ana:a!$&'()*+,;=b@[::1]:5432/analytics?search_path=%22a%22",
        "postgresql://ana@first:5432,second:5433,[::1]/analytics?target_session_attrs=any",
    ],
)
def test_whatever_the_driver_takes_is_a_url_of_a_database(url: str) -> None:
    settings, _ = load({"auth": "none", "database_url": url})

    assert settings.database_url == url


def test_an_address_that_cannot_be_read_is_an_error() -> None:
    (problem,) = _problems({"backend_url": "http://[::1:7007"})

    assert (
        problem
        == 'backend_url: "http://[::1:7007" (flag --backend-url) must be a URL that starts with http:// or https://'
    )


SPELLINGS = [
    "https://portal.example/base",
    "https://Portal.Example/base/",
    "HTTPS://PORTAL.EXAMPLE:443/base",
    "https://portal.example:443/base//",
    " https://portal.example/base ",
    "https://portal.example/base/#top",
]


@pytest.mark.parametrize("name", ["portal_url", "backend_url", "internal_backend_url"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_address_in_several_spellings_is_one(name: str, spelling: str) -> None:
    settings, _ = load({"auth": "none", name: spelling})
    assert getattr(settings, name) == SPELLINGS[0]


@pytest.mark.parametrize(
    ("spelling", "address"),
    [
        ("http://[0:0:0:0:0:0:0:1]:80/", "http://[::1]"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("http://portal.example:443", "http://portal.example:443"),
        ("https://port\u00e1l.example", "https://xn--portl-0qa.example"),
        ("https://portal.example/Base/Path", "https://portal.example/Base/Path"),
        ("https://user:hidden@portal.example/?token=hidden#hidden", "https://portal.example"),
    ],
)
def test_an_address_that_others_see_is_as_a_browser_writes_it(spelling: str, address: str) -> None:
    assert load({"auth": "none", "portal_url": spelling})[0].portal_url == address


def test_addresses_for_the_service_alone_keep_user_and_query() -> None:
    settings, _ = load({"auth": "none", "internal_backend_url": "HTTP://Ana:Pass@Gateway:80/api/?key=Value"})
    assert settings.portal_backend_url == "http://Ana:Pass@gateway/api?key=Value"


@pytest.mark.parametrize("url", ["http://", "https:///x", "http://x:99999", "http://x:y", "http://a b", "ftp://x", "x"])
def test_what_is_no_web_address_is_an_error(url: str) -> None:
    assert "must be a URL that starts with http:// or https://" in _problems({"auth": "none", "portal_url": url})[0]


def test_the_portals_token_is_printed_nowhere() -> None:
    settings, origins = load({"auth": "none", "portal_token": TOKEN})
    assert TOKEN not in printable(settings, origins)
    assert TOKEN not in str(settings)
    problems = _problems({"auth": "none", "portal_token": "hidden"})
    assert problems == [
        "portal_token: •••••• (flag --portal-token) must have at least 8 characters, as backend.auth.externalAccess "
        "demands"
    ]


def test_eligible_groups_are_refs_of_groups() -> None:
    settings, _ = load({"auth": "none", "eligible_groups": "Platform, group:default/core"})
    assert settings.eligible_groups == ["group:default/platform", "group:default/core"]
    assert (
        "must be the entity ref of a group" in _problems({"auth": "none", "eligible_groups": ["user:default/ana"]})[0]
    )
