"""What people do during a visit: sequences of pages, clicks and searches."""

from collections.abc import Callable
from operator import itemgetter
from random import Random
from urllib.parse import quote

from analytics_internal.demo import vocabulary
from analytics_internal.demo.frontends import (
    ABOUT_CARD,
    APIS,
    CATALOG,
    CREATE,
    DOCS,
    ENTITY,
    ENTITY_DOCS,
    FOUND_ENTITY,
    FOUND_IN_MODAL,
    FOUND_PAGE,
    READER,
    ROOT,
    SEARCH,
    SEARCH_MODAL,
    SETTINGS,
    SIDEBAR,
    Frontend,
    Place,
    Value,
)
from analytics_internal.demo.ids import uuid4
from analytics_internal.demo.lottery import Lottery
from analytics_internal.demo.portal import Doc, Entity, Found, Person, Portal
from analytics_internal.demo.visit import Step, Visit

Walk = Callable[[Portal, Visit], None]

_GO_ON_SHARE = 0.62
_OWN_SHARE = 0.45
_FRUITLESS_SHARE = 0.21
_ABANDONED_SHARE = 0.35


def visit(
    portal: Portal, person: Person, at: int, frontend: Frontend, random: Random, measures_engagement: bool = False
) -> list[Step]:
    """The steps of one visit in time order; never empty."""
    made = Visit(person, at, frontend, random, measures_engagement)
    _ARRIVALS.draw(random)(portal, made)
    while random.random() < _GO_ON_SHARE:
        made.read(7)
        _WALKS.draw(random)(portal, made)
    made.read(10)
    made.leave()
    made.steps.sort(key=itemgetter(0))
    return made.steps


def calls_of_agent(person: Person, at: int, random: Random) -> list[Step]:
    """What a program asks the portal's MCP server: one that a person works with, or one of its own."""
    agent = random.choice(vocabulary.AGENTS)
    is_alone = agent in vocabulary.LONELY_AGENTS
    steps: list[Step] = []
    for _ in range(1 + int(random.expovariate(0.4))):
        tool = random.choice(vocabulary.TOOLS)
        event: dict[str, object] = {"agent": agent, "action": "call", "subject": tool}
        event["context"] = {"pluginId": "mcp-actions"}
        steps.append((at, None, None if is_alone else person.ref, event, ("agent", agent)))
        at += 200 + int(random.expovariate(0.001 / 4))
    return steps


# -- arriving ------------------------------------------------------------------------------


def _arrive_at_home(portal: Portal, visit: Visit) -> None:
    visit.start("/")
    _open_from_catalog(portal, visit)


def _arrive_at_bookmark(portal: Portal, visit: Visit) -> None:
    entity = _wanted(portal, visit)
    visit.load(ENTITY, entity.path, _params(entity))
    _look_around(visit, entity)


def _arrive_at_doc(portal: Portal, visit: Visit) -> None:
    entity = portal.readable.draw(visit.random)
    doc = _doc(entity)
    subject = doc.path
    if visit.random.random() < 0.6:
        page = doc.pages[int(visit.random.random() ** 2 * len(doc.pages))]
        subject = f"{doc.path}/{page.path}#{visit.random.choice(vocabulary.ANCHORS)}"
    visit.load(READER, subject, _params(entity))
    _read(visit, entity, doc)


def _arrive_from_sign_in(portal: Portal, visit: Visit) -> None:
    """Return from the identity provider with secrets in the address, which are recorded."""
    random = visit.random
    secret = f"{random.getrandbits(160):040x}"
    state = f"{random.getrandbits(64):016x}"
    address = visit.person.ref.partition("/")[2] + "%40example.com"
    redirects = (
        f"/?code={secret}&state={state}",
        f"/#access_token={secret}&token_type=Bearer&expires_in=3599&state={state}",
        f"/?login_hint={address}&code={secret}&session_state={state}",
        f"/#id_token={secret}&state={state}",
    )
    visit.start(random.choice(redirects))


def _arrive_at_gone_doc(portal: Portal, visit: Visit) -> None:
    name = visit.random.choice(vocabulary.GONE_DOCS)
    subject = f"/docs/default/component/{name}"
    params: dict[str, Value] = {"namespace": "default", "kind": "component", "name": name}
    visit.load(READER, subject, params)
    visit.read(0.3)
    attributes: dict[str, Value] = {"kind": "component", "name": name, "namespace": "default"}
    ref = f"component:default/{name}"
    visit.act("not-found", subject, READER, attributes, entityRef=ref)


def _arrive_nowhere(portal: Portal, visit: Visit) -> None:
    visit.load(ROOT, visit.random.choice(vocabulary.UNKNOWN_ADDRESSES))


def _arrive_at_search(portal: Portal, visit: Visit) -> None:
    """A search from the browser's address bar."""
    search = portal.searches.draw(visit.random)
    text = _typed(visit.random, search.text)
    visit.load(SEARCH, f"/search?query={quote(text)}")
    _search_for(visit, text, SEARCH, len(search.found))
    _discover(visit, SEARCH, search.found)


# -- walking -------------------------------------------------------------------------------


def _browse_catalog(portal: Portal, visit: Visit) -> None:
    visit.click(SIDEBAR, "Home", "/catalog")
    visit.navigate(CATALOG, "/catalog")
    if visit.random.random() < 0.4:
        visit.read(5)
        kind = visit.random.choice(("component", "system", "resource", "template", "group"))
        owned = visit.random.choice(("owned", "all", "starred"))
        visit.navigate(CATALOG, f"/catalog?filters%5Bkind%5D={kind}&filters%5Buser%5D={owned}")
    _open_from_catalog(portal, visit)


def _read_docs(portal: Portal, visit: Visit) -> None:
    visit.click(SIDEBAR, "Docs", "/docs")
    visit.navigate(DOCS, "/docs")
    visit.read(5)
    entity = portal.readable.draw(visit.random)
    doc = _doc(entity)
    visit.click(DOCS, doc.path, doc.path)
    visit.navigate(READER, doc.path, _params(entity))
    _read(visit, entity, doc)


def _look_at_api(portal: Portal, visit: Visit) -> None:
    visit.click(SIDEBAR, "APIs", "/api-docs")
    visit.navigate(APIS, "/api-docs")
    visit.read(6)
    api = portal.visited["api"].draw(visit.random)
    _open(visit, APIS, api)
    if visit.random.random() < 0.6:
        visit.read(8)
        _open_tab(visit, api, "Definition", "definition")


def _search(portal: Portal, visit: Visit) -> None:
    place = SEARCH if visit.is_new_frontend else SEARCH_MODAL
    if visit.is_new_frontend:
        visit.click(SIDEBAR, "Search", "/search")
        visit.navigate(SEARCH, "/search")
    else:
        visit.click(SEARCH_MODAL, "Search", "/")
    visit.read(2)
    if visit.random.random() < _FRUITLESS_SHARE:
        _search_in_vain(portal, visit, place)
        return
    search = portal.searches.draw(visit.random)
    text = _typed(visit.random, search.text)
    if len(text) > 5 and visit.random.random() < 0.3:
        # The search box reports the text whenever typing pauses.
        _search_for(visit, text[:4], place, len(search.found) + 3)
        visit.read(0.5)
    _search_for(visit, text, place, len(search.found))
    _discover(visit, place, search.found)


def _search_in_vain(portal: Portal, visit: Visit, place: Place) -> None:
    _search_for(visit, portal.fruitless_searches.draw(visit.random), place, 0)
    if visit.random.random() < 0.35:
        visit.read(4)
        _search_for(visit, portal.fruitless_searches.draw(visit.random), place, 0)


def _search_for(visit: Visit, text: str, place: Place, found: int) -> None:
    visit.act("search", text, place, value=found)
    visit.means("searched", (text, found))


def _create(portal: Portal, visit: Visit) -> None:
    """Fill in a template's form and run it, or give up."""
    random = visit.random
    visit.click(SIDEBAR, "Create...", "/create")
    visit.navigate(CREATE, "/create")
    visit.read(9)
    template = portal.visited["template"].draw(random)
    visit.navigate(CREATE, f"/create/templates/default/{template.name}")
    visit.means("opened template", template.ref)
    for number in range(1, template.form_steps + 1):
        visit.read(20)
        if random.random() < _ABANDONED_SHARE / template.form_steps:
            return
        visit.act("click", f"Next Step ({number})", CREATE, entityRef=template.ref)
        visit.means("stepped on", (template.ref, number))
    visit.read(6)
    visit.act(
        "create",
        "Task has been created",
        CREATE,
        {"templateSteps": template.form_steps},
        template.minutes_saved,
        entityRef=template.ref,
    )
    visit.means("created", template.ref)
    task = uuid4(random)
    visit.navigate(CREATE, f"/create/tasks/{task}")
    outcome = _OUTCOMES.draw(random)
    visit.end_task(outcome, task, template, 4 + random.expovariate(1 / 40))
    visit.read(40)
    if outcome == "cancelled":
        visit.act("cancelled", "Template has been cancelled", CREATE, entityRef=template.ref)


def _meet_people(portal: Portal, visit: Visit) -> None:
    """From a team's page to one of its members."""
    team = portal.visited["group"].draw(visit.random)
    _open(visit, CATALOG, team)
    visit.read(5)
    person = visit.random.choice(portal.members[team.owner])
    name = person.ref.partition("/")[2]
    to = f"/catalog/default/user/{name}"
    visit.click(ENTITY, person.name, to, team)
    visit.navigate(ENTITY, to, {"namespace": "default", "kind": "user", "name": name})


def _change_settings(portal: Portal, visit: Visit) -> None:
    visit.click(SIDEBAR, "Settings", "/settings")
    visit.navigate(SETTINGS, "/settings")
    if visit.random.random() < 0.5:
        visit.read(5)
        visit.click(SETTINGS, "Authentication Providers", "auth-providers")
        visit.navigate(SETTINGS, "/settings/auth-providers")


# -- parts of walks ------------------------------------------------------------------------


def _wanted(portal: Portal, visit: Visit) -> Entity:
    """An entity of one's own team, or a popular one."""
    if visit.random.random() < _OWN_SHARE:
        return portal.owned[visit.person.team].draw(visit.random)
    kind = _KINDS.draw(visit.random)
    return portal.visited[kind].draw(visit.random)


def _open_from_catalog(portal: Portal, visit: Visit) -> None:
    visit.read(6)
    entity = _wanted(portal, visit)
    _open(visit, CATALOG, entity)
    _look_around(visit, entity)


def _open(visit: Visit, place: Place, entity: Entity) -> None:
    visit.click(place, entity.path, entity.path)
    visit.navigate(ENTITY, entity.path, _params(entity))


def _look_around(visit: Visit, entity: Entity) -> None:
    random = visit.random
    if entity.kind == "component" and random.random() < 0.45:
        visit.read(6)
        title, to = random.choice((("CI/CD", "ci-cd"), ("Dependencies", "dependencies"), ("API", "api")))
        _open_tab(visit, entity, title, to)
    if entity.doc and entity.doc.is_read and random.random() < 0.4:
        visit.read(5)
        visit.click(ENTITY, "Docs", "docs", entity)
        visit.navigate(ENTITY_DOCS, f"{entity.path}/docs", _params(entity))
        if random.random() < 0.5:
            _read(visit, entity, entity.doc, ENTITY_DOCS, f"{entity.path}/docs")
    if entity.kind != "group" and random.random() < 0.15:
        visit.read(5)
        to = f"/catalog/default/group/{entity.owner.name}"
        visit.click(ABOUT_CARD, to, to, entity)
        params: dict[str, Value] = {
            "namespace": "default",
            "kind": "group",
            "name": entity.owner.name,
        }
        visit.navigate(ENTITY, to, params)


def _open_tab(visit: Visit, entity: Entity, title: str, to: str) -> None:
    visit.click(ENTITY, title, to, entity)
    visit.navigate(ENTITY, f"{entity.path}/{to}", _params(entity))


def _read(visit: Visit, entity: Entity, doc: Doc, place: Place = READER, root: str | None = None) -> None:
    """Read on from a page of documentation; the later a page in the tree, the rarer.

    ``root`` is where its first page is, its address in the reader unless it is read on the entity's tab.
    """
    random = visit.random
    while random.random() < 0.6:
        visit.read(35)
        page = doc.pages[int(random.random() ** 2.2 * len(doc.pages))]
        to = f"{root or doc.path}/{page.path}"
        visit.click(place, page.title, to, entity)
        visit.navigate(place, to, _params(entity))
        if random.random() < 0.12:
            visit.read(15)
            visit.navigate(place, f"{to}#{random.choice(vocabulary.ANCHORS)}", _params(entity))


def _typed(random: Random, text: str) -> str:
    """A search as people type it: mostly lower case, with spaces instead of hyphens."""
    if random.random() < 0.7:
        text = text.replace("-", " ")
    chance = random.random()
    if chance < 0.04:
        return text.upper()
    return text.capitalize() if chance < 0.16 else text


def _discover(visit: Visit, place: Place, found: tuple[Found, ...]) -> None:
    """Click a result, most often one of the first, or none."""
    random = visit.random
    if not found or random.random() < 0.25:
        return
    visit.read(4)
    rank = min(len(found), 1 + int(random.expovariate(0.6)))
    result = found[rank - 1]
    item, types = (FOUND_PAGE, "techdocs") if result.page else (FOUND_ENTITY, "software-catalog")
    if place is not SEARCH:
        item, types = FOUND_IN_MODAL, ""
    visit.act("discover", result.title, item, {"to": result.path}, rank, searchTypes=types)
    visit.means("discovered", rank)
    if result.page is not None:
        visit.navigate(READER, result.path, _params(result.entity))
        _read(visit, result.entity, _doc(result.entity))
    else:
        visit.navigate(ENTITY, result.path, _params(result.entity))
        _look_around(visit, result.entity)


def _params(entity: Entity) -> dict[str, Value]:
    return {"namespace": "default", "kind": entity.kind, "name": entity.name}


def _doc(entity: Entity) -> Doc:
    assert entity.doc is not None, f"{entity.ref} has no documentation"
    return entity.doc


_OUTCOMES = Lottery(("succeeded", "failed", "cancelled"), (87, 9, 4))
_KINDS = Lottery(("component", "system", "api", "resource", "group"), (60, 14, 12, 8, 6))
_ARRIVALS: Lottery[Walk] = Lottery(
    (
        _arrive_at_home,
        _arrive_at_bookmark,
        _arrive_at_doc,
        _arrive_from_sign_in,
        _arrive_at_search,
        _arrive_at_gone_doc,
        _arrive_nowhere,
    ),
    (50, 20, 15, 6, 5, 2, 2),
)
_WALKS: Lottery[Walk] = Lottery(
    (_browse_catalog, _read_docs, _search, _look_at_api, _create, _meet_people, _change_settings),
    (34, 24, 20, 9, 6, 4, 3),
)
