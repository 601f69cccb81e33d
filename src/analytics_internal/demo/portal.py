"""The made-up portal: its people, catalog, documentation and search results."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from random import Random

from analytics_internal.demo import vocabulary
from analytics_internal.demo.calendar import DAYS
from analytics_internal.demo.lottery import Lottery, power_law

PEOPLE = 300
ENTITIES = {"component": 262, "api": 82, "system": 42, "resource": 73}
_MAX_FOUND = 25
_NEVER_READ_SHARE = 0.22
_LAUNCH_DAY = 275


@dataclass(frozen=True, slots=True, eq=False)
class Team:
    """A group of the catalog. Eagerness 0: no member ever uses the portal."""

    name: str
    words: tuple[str, str, str]
    eagerness: float

    @property
    def ref(self) -> str:
        """The team's entity ref."""
        return f"group:default/{self.name}"

    @property
    def parents(self) -> tuple[str, str]:
        """The names of its department and of the group of all departments."""
        return next(name for name, _, teams in vocabulary.DEPARTMENTS if self.name in teams), vocabulary.ROOT_GROUP[0]


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A possible user of the portal, active from `adopted_day` to `left_day`; days count from 0 to 364."""

    name: str
    ref: str
    team: Team
    eagerness: float
    joined_day: int
    adopted_day: int
    left_day: int
    vacation_day: int
    later_team: Team | None = None
    moved_day: int = 0
    """From this day on in `later_team`, if there is one."""

    def team_on(self, day: int) -> Team:
        """The team at the end of a day."""
        return self.later_team if self.later_team is not None and day >= self.moved_day else self.team

    def eagerness_on(self, day: int) -> float:
        """How likely this person is to use the portal on a day, relative to others."""
        is_away = self.vacation_day <= day < self.vacation_day + 15
        is_there = self.adopted_day <= day <= self.left_day and not is_away
        return self.eagerness if is_there else 0.0

    @property
    def ever_comes(self) -> bool:
        """Whether this person can use the portal on any day."""
        return self.eagerness > 0 and self.adopted_day <= self.left_day


@dataclass(frozen=True, slots=True, eq=False)
class DocPage:
    """A page of documentation; `path` is relative to the documentation's path and ends with a slash."""

    title: str
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Doc:
    """The documentation of an entity. The root page is not among `pages`."""

    path: str
    pages: tuple[DocPage, ...]
    is_read: bool


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """An entity of the catalog, with its owner and, for some, its documentation."""

    kind: str
    name: str
    title: str
    owner: Team
    doc: Doc | None = None
    form_steps: int = 0
    minutes_saved: int = 0
    later_owner: Team | None = None
    handed_over_day: int = 0
    """From this day on owned by `later_owner`, if there is one."""

    def owner_on(self, day: int) -> Team:
        """The owner at the end of a day."""
        return self.later_owner if self.later_owner is not None and day >= self.handed_over_day else self.owner

    @property
    def ref(self) -> str:
        """The entity ref, namespace included."""
        return f"{self.kind}:default/{self.name}"

    @property
    def path(self) -> str:
        """The address of the entity's page in the portal."""
        return f"/catalog/default/{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A search result: an entity, or a page of its documentation."""

    entity: Entity
    page: DocPage | None = None

    @property
    def title(self) -> str:
        """The result's title."""
        return self.page.title if self.page else self.entity.name

    @property
    def path(self) -> str:
        """The address that the result leads to."""
        if self.page is None:
            return self.entity.path
        assert self.entity.doc is not None
        return f"{self.entity.doc.path}/{self.page.path}"


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A search text and its results, best first."""

    text: str
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Portal:
    """One demo portal. People's own entities (kind `user`) are not in `entities`."""

    teams: tuple[Team, ...]
    people: tuple[Person, ...]
    entities: tuple[Entity, ...]

    def of_kind(self, kind: str) -> list[Entity]:
        """The entities of a kind, most visited first."""
        return [entity for entity in self.entities if entity.kind == kind]

    @cached_property
    def members(self) -> dict[Team, tuple[Person, ...]]:
        """The people of each team."""
        return {team: tuple(p for p in self.people if p.team is team) for team in self.teams}

    @cached_property
    def documented(self) -> list[Entity]:
        """Entities with documentation, read or not, handbooks first."""
        return [entity for entity in self.entities if entity.doc]

    @cached_property
    def readable(self) -> Lottery[Entity]:
        """Entities whose documentation is read, weighted by how often."""
        read = [entity for entity in self.documented if entity.doc and entity.doc.is_read]
        return Lottery(read, power_law(len(read), 1.1))

    @cached_property
    def visited(self) -> dict[str, Lottery[Entity]]:
        """The entities of each kind, weighted by how often they are opened."""
        kinds = ("component", "api", "system", "resource", "template", "group")
        lists = {kind: [e for e in self.of_kind(kind) if e.name not in vocabulary.UNUSED_TEMPLATES] for kind in kinds}
        return {kind: Lottery(found, power_law(len(found))) for kind, found in lists.items()}

    @cached_property
    def owned(self) -> dict[Team, Lottery[Entity]]:
        """Each team's own entities, weighted by how often its members open them."""
        return {team: _owned(team, self.entities) for team in self.teams}

    @cached_property
    def searches(self) -> Lottery[Search]:
        """Searches with results, weighted by how often they are made."""
        texts = [word for team in self.teams for word in team.words]
        texts += [entity.name for entity in self.of_kind("component")[:60]]
        weights = {text: 1 / (2 + rank % len(self.teams)) for rank, text in enumerate(texts)}
        weights |= dict.fromkeys(vocabulary.SOUGHT_PAGES, 0.15)
        weights |= {text: 0.6 / (1 + rank / 4) for rank, (text, _) in enumerate(vocabulary.OTHER_NAMES)}
        found = [Search(text, self._find(text)) for text in weights]
        return Lottery(found, (weights[search.text] if search.found else 0 for search in found))

    @cached_property
    def fruitless_searches(self) -> Lottery[str]:
        """Searches without results, weighted by how often they are made."""
        texts = vocabulary.FRUITLESS_SEARCHES
        return Lottery(texts, power_law(len(texts), 1.2, 1.0))

    def _find(self, text: str) -> tuple[Found, ...]:
        """Entities with this name, then pages with this title or of these entities."""
        names = {name for other, name in vocabulary.OTHER_NAMES if other == text}
        entities = [entity for entity in self.entities if text in entity.name or entity.name in names]
        pages = [
            Found(entity, page)
            for entity in self.documented
            if entity.doc and entity.doc.is_read
            for page in entity.doc.pages
            if text in page.title.lower() or (entity in entities and page in entity.doc.pages[:3])
        ]
        return (*map(Found, entities[: _MAX_FOUND - 5]), *pages)[:_MAX_FOUND]


@lru_cache(maxsize=8)
def portal(seed: int = 1) -> Portal:
    """The portal of a seed: 25 teams, 300 people and 500 entities besides people's own."""
    random = Random(f"portal {seed}")
    teams = tuple(Team(*team) for team in vocabulary.TEAMS)
    people, entities = list(_people(random, teams)), list(_entities(random, teams))
    _change_later(random, teams, people, entities)
    return Portal(teams, tuple(people), tuple(entities))


def _change_later(random: Random, teams: tuple[Team, ...], people: list[Person], entities: list[Entity]) -> None:
    """Some people change their team during the year, and some entities their owner."""
    for number in random.sample(range(len(teams), len(people)), 18):
        person = people[number]
        # To a team that uses the portal: the silent one stays silent.
        team = random.choice([team for team in teams if team is not person.team and team.eagerness])
        if person.team.eagerness:
            people[number] = replace(person, later_team=team, moved_day=random.randrange(60, DAYS - 30))
    owned = [number for number, entity in enumerate(entities) if entity.kind in ("component", "api", "system")]
    for number in random.sample(owned, 25):
        entity = entities[number]
        team = random.choice([team for team in teams if team is not entity.owner])
        entities[number] = replace(entity, later_owner=team, handed_over_day=random.randrange(60, DAYS - 30))


def _people(random: Random, teams: tuple[Team, ...]) -> Iterator[Person]:
    names = [(first, last) for first in vocabulary.FIRST_NAMES.split() for last in vocabulary.LAST_NAMES.split()]
    chosen = random.sample(names, PEOPLE)
    for number, (first, last) in enumerate(chosen):
        team = teams[number] if number < len(teams) else random.choice(teams)
        yield _person(random, f"{first} {last}", team)


def _person(random: Random, name: str, team: Team) -> Person:
    kind = random.random()
    joined = random.randrange(DAYS - 20) if kind < 0.18 else 0
    left = random.randrange(40, DAYS - 10) if 0.18 <= kind < 0.26 else DAYS - 1
    # Some start with the launch, some never.
    adopted = _LAUNCH_DAY + int(random.expovariate(0.2)) if kind > 0.88 else joined
    eagerness = 0.0 if 0.26 <= kind < 0.31 else random.lognormvariate(0, 0.9)
    return Person(
        name=name,
        ref=f"user:default/{_ascii(name)}",
        team=team,
        eagerness=eagerness * team.eagerness,
        joined_day=joined,
        adopted_day=adopted,
        left_day=left,
        vacation_day=random.randrange(DAYS),
    )


def _entities(random: Random, teams: tuple[Team, ...]) -> Iterator[Entity]:
    """Handbooks first, then all others, most visited of each kind first."""
    platform = teams[0]
    for name, pages in vocabulary.HANDBOOKS:
        doc = Doc(f"/docs/default/component/{name}", _pages(pages), is_read=True)
        yield Entity("component", name, _title(name), platform, doc)
    words = [(word, team) for team in teams for word in team.words]
    names = _names(random, words)
    names["component"] = names["component"][: ENTITIES["component"] - len(vocabulary.HANDBOOKS)]
    for kind, chosen in names.items():
        for name, owner in chosen:
            yield Entity(kind, name, _title(name), owner, _doc(random, kind, name))
    for name, title, steps, minutes in vocabulary.TEMPLATES:
        yield Entity("template", name, title, platform, None, steps, minutes)
    for team in teams:
        yield Entity("group", team.name, _title(team.name), team)


def _names(random: Random, words: list[tuple[str, Team]]) -> dict[str, list[tuple[str, Team]]]:
    suffixes: dict[str, tuple[str, ...]] = {
        "component": tuple(vocabulary.COMPONENT_SUFFIXES.split()),
        "api": vocabulary.API_SUFFIXES,
        "system": ("",),
        "resource": vocabulary.RESOURCE_SUFFIXES,
    }
    return {
        kind: random.sample(
            [(f"{word}-{end}".strip("-"), team) for word, team in words for end in ends],
            ENTITIES[kind],
        )
        for kind, ends in suffixes.items()
    }


def _doc(random: Random, kind: str, name: str) -> Doc | None:
    share = {"component": 0.4, "system": 0.35}.get(kind, 0.0)
    if random.random() >= share:
        return None
    is_read = random.random() >= _NEVER_READ_SHARE
    return Doc(f"/docs/default/{kind}/{name}", _pages(random.randint(2, 20)), is_read)


def _pages(count: int) -> tuple[DocPage, ...]:
    tree = [(section, page) for section, pages in vocabulary.DOC_SECTIONS for page in pages]
    return tuple(DocPage(_title(page), f"{section}/{page}/".removeprefix("/")) for section, page in tree[:count])


def _owned(team: Team, entities: tuple[Entity, ...]) -> Lottery[Entity]:
    own = [entity for entity in entities if entity.owner is team and entity.kind != "template"]
    return Lottery(own, power_law(len(own)))


def _title(name: str) -> str:
    return name.replace("-", " ").capitalize()


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", ".")
