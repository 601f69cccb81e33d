"""What is true of the made-up portal's events, written down while they are made.

The generator knows what each event means, so nothing here is found out as the service finds it out. Answers of the
service are compared with it (tests/test_truth.py, docs/reference/questions.md).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from analytics_internal.demo.calendar import ZONE, Year
from analytics_internal.demo.portal import Entity, Person, Portal, Team
from analytics_internal.demo.visit import Event, Fact

_DOCS_TAB = "docs"


class Template(msgspec.Struct):
    """What became of one template's runs: numbers of events."""

    opened: int = 0
    started: int = 0
    """How often its first step was done."""
    created: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    minutes_saved: int = 0


class Searched(msgspec.Struct):
    """How often a term was searched for, case and white space aside, and how often nothing was found."""

    searches: int = 0
    without_result: int = 0


class Written(msgspec.Struct, kw_only=True):
    """The truth as JSON. Days are those of America/Sao_Paulo; people, teams and entities are entity refs."""

    first_day: date
    last_day: date
    accesses: int
    views: int
    sessions: int
    accesses_by_day: dict[str, int]
    people_by_day: dict[str, int]
    people: list[str]
    """Those who came."""
    never_came: list[str]
    """Those who could have come on some day, and did not."""
    first_days: dict[str, str]
    """The day of each person's first access."""
    joined: dict[str, str]
    """The first day in the catalog of those who joined during the year."""
    eligible_by_day: dict[str, int]
    accesses_by_team: dict[str, int]
    """By the person's team on the day of the access; departments and the root group included."""
    people_by_team: dict[str, int]
    teams_without_access: list[str]
    views_by_owner: dict[str, int]
    """Of entities' pages, docs and templates, by the owner on the day of the view."""
    reads_by_doc_site: dict[str, int]
    unread_doc_sites: list[str]
    searches: int
    searches_without_result: int
    searches_with_click: int
    clicks_on_results: int
    sum_of_ranks: int
    terms: dict[str, Searched]
    templates: dict[str, Template]
    unused_templates: list[str]
    engaged_seconds: int
    engaged_seconds_by_doc_site: dict[str, int]
    calls_by_agent: dict[str, int]


class Truth:
    """Takes what the generator says of each event, and writes down what follows."""

    def __init__(self, portal: Portal, year: Year) -> None:
        self._portal = portal
        self._year = year
        self._people = {person.ref: person for person in portal.people}
        self._sites = {entity.doc.path: entity for entity in portal.entities if entity.doc}
        self._sites |= {f"{entity.path}/{_DOCS_TAB}": entity for entity in portal.entities if entity.doc}
        owned = [entity for entity in portal.entities if entity.kind != "group"]
        self._entities = {entity.path: entity for entity in owned}
        self._entities |= {entity.doc.path: entity for entity in owned if entity.doc}
        self._entities |= {f"/create/templates/default/{e.name}": e for e in portal.of_kind("template")}
        self._owner_views: Counter[str] = Counter()
        self._templates = {entity.ref: Template() for entity in portal.of_kind("template")}
        self._minutes = {entity.ref: entity.minutes_saved for entity in portal.of_kind("template")}
        self._accesses: Counter[date] = Counter()
        self._views = 0
        self._sessions: set[str] = set()
        self._came: defaultdict[date, set[str]] = defaultdict(set)
        self._team_accesses: Counter[str] = Counter()
        self._team_people: defaultdict[str, set[str]] = defaultdict(set)
        self._reads: Counter[str] = Counter()
        self._terms: defaultdict[str, Searched] = defaultdict(Searched)
        self._last_search: dict[str, int] = {}
        self._clicked: set[int] = set()
        self._searches = 0
        self._ranks: list[int] = []
        self._engaged: Counter[str] = Counter()
        self._engaged_in_all = 0
        self._agents: Counter[str] = Counter()

    def add(self, at_ms: int, session: str | None, person: str | None, event: Event, fact: Fact | None) -> None:
        """Take one event: its time in milliseconds since 1970, and what it means."""
        word, about = fact or ("", None)
        if word == "agent":
            self._agents[str(about)] += 1
        elif word == "engaged":
            self._add_engaged(event, about)
        elif word == "task":
            self._add_task(about)
        else:
            assert session is not None
            assert person is not None
            self._add_access(at_ms, session, self._people[person], event)
            self._add_meaning(session, word, about)

    def _add_access(self, at_ms: int, session: str, person: Person, event: Event) -> None:
        day = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZONE).date()
        self._accesses[day] += 1
        self._came[day].add(person.ref)
        self._sessions.add(session)
        for team in teams_of(person.team_on(self._number(day))):
            self._team_accesses[team] += 1
            self._team_people[team].add(person.ref)
        if event["action"] == "navigate":
            self._views += 1
            site = self._site_at(event)
            if site is not None:
                self._reads[site.ref] += 1
            entity = self._entity_at(event)
            if entity is not None:
                self._owner_views[entity.owner_on(self._number(day)).ref] += 1

    def _add_meaning(self, session: str, word: str, about: Any) -> None:
        if word == "searched":
            text, found = about
            term = self._terms[" ".join(text.split()).casefold()]
            term.searches += 1
            term.without_result += not found
            self._last_search[session] = self._searches
            self._searches += 1
        elif word == "discovered":
            self._ranks.append(about)
            self._clicked.add(self._last_search[session])
        elif word == "opened template":
            self._templates[about].opened += 1
        elif word == "stepped on":
            self._templates[about[0]].started += about[1] == 1
        elif word == "created":
            self._templates[about].created += 1

    def _add_engaged(self, event: Event, seconds: Any) -> None:
        self._engaged_in_all += seconds
        site = self._site_at(event)
        if site is not None:
            self._engaged[site.ref] += seconds

    def _add_task(self, about: Any) -> None:
        ref, outcome = about
        template = self._templates[ref]
        setattr(template, outcome, getattr(template, outcome) + 1)
        if outcome == "succeeded":
            template.minutes_saved += self._minutes[ref]

    def _site_at(self, event: Event) -> Entity | None:
        """Whose documentation a page is of."""
        parts = _path_of(event).split("/")
        return self._sites.get("/".join(parts[:5])) or self._sites.get("/".join(parts[:6]))

    def _entity_at(self, event: Event) -> Entity | None:
        """The entity whose page, documentation or form a page is."""
        return self._entities.get("/".join(_path_of(event).split("/")[:5]))

    def _number(self, day: date) -> int:
        return (day - self._year.first_day).days

    def written(self) -> Written:
        """What is true of the events so far."""
        first_days: dict[str, str] = {}
        for day in sorted(self._came):
            for ref in self._came[day]:
                first_days.setdefault(ref, str(day))
        days = [self._year.day(number) for number in range((self._year.day(0) - self._year.first_day).days, 365)]
        sites = {entity.ref for entity in self._sites.values()}
        teams = {ref for team in self._portal.teams for ref in teams_of(team)}
        return Written(
            first_day=self._year.first_day,
            last_day=days[-1],
            accesses=self._accesses.total(),
            views=self._views,
            sessions=len(self._sessions),
            accesses_by_day=_by_day(self._accesses),
            people_by_day=_by_day({day: len(people) for day, people in self._came.items()}),
            people=sorted(first_days),
            never_came=sorted(self._people.keys() - first_days.keys()),
            first_days=dict(sorted(first_days.items())),
            joined={p.ref: str(self._year.day(p.joined_day)) for p in self._portal.people if p.joined_day},
            eligible_by_day={
                str(day): sum(p.joined_day <= n <= p.left_day for p in self._portal.people)
                for n, day in enumerate(days)
            },
            accesses_by_team=dict(sorted(self._team_accesses.items())),
            people_by_team={team: len(people) for team, people in sorted(self._team_people.items())},
            teams_without_access=sorted(teams - self._team_accesses.keys()),
            views_by_owner=dict(sorted(self._owner_views.items())),
            reads_by_doc_site=dict(sorted(self._reads.items())),
            unread_doc_sites=sorted(sites - self._reads.keys()),
            searches=self._searches,
            searches_without_result=sum(term.without_result for term in self._terms.values()),
            searches_with_click=len(self._clicked),
            clicks_on_results=len(self._ranks),
            sum_of_ranks=sum(self._ranks),
            terms=dict(sorted(self._terms.items())),
            templates=self._templates,
            unused_templates=sorted(ref for ref, template in self._templates.items() if not template.opened),
            engaged_seconds=self._engaged_in_all,
            engaged_seconds_by_doc_site=dict(sorted(self._engaged.items())),
            calls_by_agent=dict(sorted(self._agents.items())),
        )


def teams_of(team: Team) -> list[str]:
    """A team with its parents, as entity refs."""
    return [team.ref, *(f"group:default/{name}" for name in team.parents)]


def _path_of(event: Event) -> str:
    return str(event["subject"]).partition("?")[0].partition("#")[0].rstrip("/")


def _by_day(counts: Mapping[date, int]) -> dict[str, int]:
    return {str(day): counts[day] for day in sorted(counts)}
