import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from analytics_internal.auth.callers import TRUSTED, Caller, NotAllowed, Unauthenticated
from analytics_internal.auth.framework import AUTHORIZE_PATH, DECISION_HOLDS_S, Framework
from analytics_internal.auth.keys import PLUGIN_KEYS_PATH, USER_KEYS_PATH
from analytics_internal.auth.memberships import USER_INFO_PATH, Memberships
from analytics_internal.auth.permissions import EVERYTHING, PERMISSIONS, AccessLists, Grants, Permissions
from analytics_internal.auth.portal_backend import PortalBackend, PortalUnavailable
from analytics_internal.auth.tokens import Tokens
from tests.auth.conftest import Clock
from tests.http.stand_in_portal import AUTHORIZE, USER_INFO, PortalStandIn
from tests.samples import ANA, BO

READ, PEOPLE, ADMIN = (permission.name for permission in PERMISSIONS.values())
NOTHING = Grants(read=False, people=False, admin=False)
FIGURES = Grants(read=True, people=False, admin=False)
FIGURES_AND_NAMES = Grants(read=True, people=True, admin=False)
FIGURES_AND_ADMINISTRATION = Grants(read=True, people=False, admin=True)

ByLists = Callable[..., Permissions]


@pytest.fixture
def by_lists(backend: PortalBackend) -> ByLists:
    def make(
        readers: list[str], people_readers: list[str] | None = None, admins: list[str] | None = None
    ) -> Permissions:
        return Permissions(AccessLists.of(readers, people_readers or [], admins or []), Memberships(backend))

    return make


@pytest.fixture
def by_framework(backend: PortalBackend, clock: Clock) -> Permissions:
    """The portal decides; the lists let Bo read figures."""
    framework = Framework(backend, list(PERMISSIONS.values()))
    return Permissions(AccessLists.of([BO], [], []), Memberships(backend), framework)


@pytest.fixture
async def ana(tokens: Tokens, portal: PortalStandIn) -> Caller:
    return await tokens.caller_of(portal.token(ANA))


def allow(portal: PortalStandIn, person: str, *permissions: str, result: str = "ALLOW") -> None:
    portal.policy.update({f"{person} {permission}": result for permission in permissions})


async def test_the_lists_say_who_may_what(by_lists: ByLists, ana: Caller) -> None:
    assert await by_lists([]).may(ana) == NOTHING
    assert await by_lists([BO], [BO], [BO]).may(ana) == NOTHING
    assert await by_lists([ANA]).may(ana) == FIGURES
    assert await by_lists(["*"]).may(ana) == FIGURES
    assert await by_lists([], ["*"]).may(ana) == FIGURES_AND_NAMES


async def test_whoever_reads_names_reads_figures_too(by_lists: ByLists, ana: Caller) -> None:
    assert await by_lists([], [ANA]).may(ana) == FIGURES_AND_NAMES


async def test_whoever_administers_reads_figures_and_no_names(by_lists: ByLists, ana: Caller) -> None:
    assert await by_lists([], [], [ANA]).may(ana) == FIGURES_AND_ADMINISTRATION


@pytest.mark.parametrize("ref", ["User:Default/ANA", "user:ana", "ana", "Ana"])
async def test_refs_in_lists_are_compared_as_backstage_does(by_lists: ByLists, ana: Caller, ref: str) -> None:
    assert await by_lists([ref]).may(ana) == FIGURES


async def test_a_group_of_a_list_is_asked_of_the_portal(by_lists: ByLists, ana: Caller, portal: PortalStandIn) -> None:
    portal.owns_as = {ANA: [ANA, "Group:default/Platform"]}

    assert await by_lists([], ["group:default/platform"]).may(ana) == FIGURES_AND_NAMES
    assert await by_lists([], ["GROUP:Platform"]).may(ana) == FIGURES_AND_NAMES
    assert await by_lists([], ["platform"]).may(ana) == NOTHING, "a ref without a kind is a person's"
    assert await by_lists([], ["group:default/other"]).may(ana) == NOTHING


async def test_a_group_may_stand_in_the_token(by_lists: ByLists, tokens: Tokens, portal: PortalStandIn) -> None:
    caller = await tokens.caller_of(portal.token(claims={"ent": [ANA, "group:default/platform"]}))

    assert await by_lists(["group:default/platform"]).may(caller) == FIGURES
    assert portal.asked[USER_INFO] == 0


async def test_a_person_whom_the_portal_does_not_know_is_in_no_group(by_lists: ByLists, ana: Caller) -> None:
    assert await by_lists(["group:default/platform"]).may(ana) == NOTHING


async def test_the_portal_is_asked_for_groups_only_where_they_matter(
    by_lists: ByLists, ana: Caller, portal: PortalStandIn
) -> None:
    portal.failing[USER_INFO] = 500
    permissions = by_lists(["*"], ["group:default/platform"])

    assert await permissions.allow(ana, "read")
    assert portal.asked[USER_INFO] == 0
    with pytest.raises(PortalUnavailable):
        await permissions.allow(ana, "people")


async def test_groups_are_asked_for_once_in_ten_seconds(
    by_lists: ByLists, ana: Caller, portal: PortalStandIn, clock: Clock
) -> None:
    permissions = by_lists(["group:default/platform"])
    for _ in range(5):
        await asyncio.gather(*(permissions.may(ana) for _ in range(5)))
    assert portal.asked[USER_INFO] == 1

    portal.owns_as = {ANA: ["group:default/platform"]}
    clock.go_on(DECISION_HOLDS_S)
    assert await permissions.may(ana) == FIGURES


async def test_the_groups_of_a_person_whom_a_plugin_acts_for_count_too(
    by_lists: ByLists, tokens: Tokens, portal: PortalStandIn
) -> None:
    portal.owns_as = {ANA: ["group:default/platform"]}
    caller = await tokens.caller_of(portal.plugin_token(on_behalf_of=ANA))

    assert await by_lists(["group:default/platform"]).may(caller) == FIGURES


async def test_a_token_that_the_portal_does_not_take_any_more_is_refused(
    by_lists: ByLists, by_framework: Permissions, ana: Caller, portal: PortalStandIn
) -> None:
    portal.keys.clear()

    for permissions in (by_lists(["group:default/platform"]), by_framework):
        with pytest.raises(Unauthenticated, match="does not accept"):
            await permissions.may(ana)


@pytest.mark.parametrize("caller", [TRUSTED, Caller(plugin="catalog", reads_everything=True)])
async def test_machines_and_plugins_that_act_for_themselves_read_everything(
    by_lists: ByLists, by_framework: Permissions, caller: Caller, portal: PortalStandIn
) -> None:
    assert await by_lists([]).may(caller) == EVERYTHING
    assert await by_framework.may(caller) == EVERYTHING
    assert portal.asked.total() == 0


async def test_the_framework_decides_on_each_permission(
    by_framework: Permissions, ana: Caller, portal: PortalStandIn
) -> None:
    allow(portal, ANA, READ, PEOPLE)
    assert await by_framework.may(ana) == FIGURES_AND_NAMES


async def test_the_framework_is_asked_for_all_permissions_at_once_and_once_in_ten_seconds(
    by_framework: Permissions, ana: Caller, portal: PortalStandIn, clock: Clock
) -> None:
    for _ in range(5):
        await asyncio.gather(*(by_framework.may(ana) for _ in range(5)))
    assert portal.asked[AUTHORIZE] == 1

    allow(portal, ANA, READ)
    clock.go_on(DECISION_HOLDS_S - 1)
    assert await by_framework.may(ana) == NOTHING
    clock.go_on(1)
    assert await by_framework.may(ana) == FIGURES
    assert portal.asked[AUTHORIZE] == 2


async def test_one_persons_decision_is_no_others(
    by_framework: Permissions, ana: Caller, tokens: Tokens, portal: PortalStandIn
) -> None:
    allow(portal, ANA, READ)
    bo = await tokens.caller_of(portal.token(BO))

    assert await by_framework.may(ana) == FIGURES
    assert await by_framework.may(bo) == NOTHING, "the list that names Bo does not count"


async def test_a_condition_gives_nothing(by_framework: Permissions, ana: Caller, portal: PortalStandIn) -> None:
    allow(portal, ANA, READ, PEOPLE, result="CONDITIONAL")

    assert await by_framework.may(ana) == NOTHING


async def test_a_plugin_that_acts_for_a_person_is_decided_by_lists(
    by_framework: Permissions, tokens: Tokens, portal: PortalStandIn
) -> None:
    allow(portal, ANA, READ)
    for_bo = await tokens.caller_of(portal.plugin_token(on_behalf_of=BO))
    for_ana = await tokens.caller_of(portal.plugin_token(on_behalf_of=ANA))

    assert await by_framework.may(for_bo) == FIGURES
    assert await by_framework.may(for_ana) == NOTHING
    with pytest.raises(NotAllowed, match="a plugin that acts for a person is decided by lists"):
        await by_framework.require(for_ana, "read")
    assert portal.asked[AUTHORIZE] == 0


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 502, 200])
@pytest.mark.slow
async def test_a_framework_that_does_not_decide_allows_nothing(
    by_framework: Permissions, ana: Caller, portal: PortalStandIn, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(portal, ANA, READ, PEOPLE, ADMIN)
    if status == 200:
        monkeypatch.setattr(portal, "post", lambda *_: {"items": [{"id": READ, "result": "ALLOW"}]})
    else:
        portal.failing[AUTHORIZE] = status

    with pytest.raises(PortalUnavailable):
        await by_framework.allow(ana, "read")


@pytest.mark.slow
async def test_a_portal_that_is_away_allows_nothing(tokens: Tokens, portal: PortalStandIn) -> None:
    ana = await tokens.caller_of(portal.token(ANA))
    away = PortalBackend("http://127.0.0.1:1")
    permissions = Permissions(AccessLists.of(["*"], ["*"], ["*"]), None, Framework(away, list(PERMISSIONS.values())))

    with pytest.raises(PortalUnavailable):
        await permissions.allow(ana, "read")
    await away.close()


async def test_a_refusal_names_the_permission_and_the_setting(
    by_lists: ByLists, by_framework: Permissions, ana: Caller
) -> None:
    with pytest.raises(NotAllowed, match=r"`analytics-internal.read`.*`readers` or `people_readers` or `admins`"):
        await by_lists([]).require(ana, "read")
    with pytest.raises(NotAllowed, match=r"`analytics-internal.people.read`.*`people_readers`"):
        await by_lists(["*"]).require(ana, "people")
    with pytest.raises(NotAllowed, match=r"`analytics-internal.admin`.*permission policy"):
        await by_framework.require(ana, "admin")


def test_the_documentation_names_every_permission_and_address() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "permissions.md").read_text()

    assert [name for name in (READ, PEOPLE, ADMIN) if f"| `{name}` |" not in text] == []
    for path in (USER_KEYS_PATH, USER_INFO_PATH, AUTHORIZE_PATH, PLUGIN_KEYS_PATH.format(plugin="<sub>")):
        assert path in text
