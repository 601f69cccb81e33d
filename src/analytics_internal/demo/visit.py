"""One visit of one person: its clock, and its events so far."""

from random import Random

from analytics_internal.demo.frontends import CATALOG, ROOT, Frontend, Place, Value
from analytics_internal.demo.ids import uuid4
from analytics_internal.demo.portal import Entity, Person

# Backstage's AnalyticsEvent, in the order of its recorded keys.
Event = dict[str, object]
# What it means in the made-up portal, for its truth (truth.py): a word and what it is about.
Fact = tuple[str, object]
# (milliseconds since 1970, session id, entity ref of the person, event, what it means)
Step = tuple[int, str | None, str | None, Event, Fact | None]

_LONGEST_ATTENTION_MS = 90_000


class Visit:
    """Moves one person through the portal and records the events in `steps`.

    With ``measures_engagement`` each page is followed by how long its reader was engaged with it.
    """

    __slots__ = (
        "_at",
        "_engaged_ms",
        "_frontend",
        "_measures",
        "_page",
        "_session",
        "_user",
        "person",
        "random",
        "steps",
    )

    def __init__(
        self, person: Person, at: int, frontend: Frontend, random: Random, measures_engagement: bool = False
    ) -> None:
        self._session = uuid4(random)
        self._at = at
        self._frontend = frontend
        self._user = person.ref
        self._measures = measures_engagement
        self._page: Event | None = None
        self._engaged_ms = 0
        self.person = person
        self.random = random
        self.steps: list[Step] = []

    @property
    def is_new_frontend(self) -> bool:
        """Whether the portal already runs on the new frontend system."""
        return self._frontend.is_new

    def read(self, seconds: float) -> None:
        """Let time pass: one second plus `seconds` on average."""
        passed = 1000 + int(self.random.expovariate(0.001 / seconds))
        self._at += passed
        self._engaged_ms += min(passed, _LONGEST_ATTENTION_MS)

    def load(self, place: Place, subject: str, attributes: dict[str, Value] | None = None) -> None:
        """Load a page: the app starts, signs in and shows it."""
        if self._frontend.is_new:
            self.navigate(ROOT, subject)
            self._sign_in()
            self.navigate(place, subject, attributes)
        else:
            self.navigate(place, subject, attributes)
            self._sign_in()

    def start(self, subject: str) -> None:
        """Load the portal's root, which signs in and redirects to the catalog."""
        self.navigate(ROOT, subject)
        self._sign_in()
        self.navigate(CATALOG, "/catalog")

    def navigate(self, place: Place, subject: str, attributes: dict[str, Value] | None = None) -> None:
        """Arrive at a page, and leave the one before."""
        self.leave()
        self._page = self._record(
            "navigate", subject, self._frontend.page(place), {} if attributes is None else attributes
        )

    def leave(self) -> None:
        """Leave the page: what follows is of no page, or of the next one."""
        seconds = self._engaged_ms // 1000
        if self._measures and self._page is not None and seconds:
            engaged: Event = {"action": "engage", "subject": self._page["subject"], "value": seconds}
            engaged |= {"attributes": self._page["attributes"], "context": self._page["context"]}
            self.steps.append((self._at, self._session, self._user, engaged, ("engaged", seconds)))
        self._page = None
        self._engaged_ms = 0

    def end_task(self, outcome: str, task: str, template: Entity, seconds: float) -> None:
        """Record what became of a template's task so many seconds from now, as the service finds out by itself."""
        ended: Event = {"action": f"task-{outcome}", "subject": task}
        if outcome == "succeeded":
            ended["value"] = template.minutes_saved
        ended["context"] = {"pluginId": "scaffolder", "entityRef": template.ref}
        fact = ("task", (template.ref, outcome))
        self.steps.append((self._at + int(1000 * seconds), None, self._user, ended, fact))

    def click(self, place: Place, text: str, to: str, about: Entity | None = None) -> None:
        """Click a link; `about` is the entity whose page it is on."""
        context = self._frontend.part(place)
        if about is not None:
            context["entityRef"] = about.ref
        self._record("click", text, context, {"to": to})

    def act(
        self,
        action: str,
        subject: str,
        place: Place,
        attributes: dict[str, Value] | None = None,
        value: int | None = None,
        **more: str,
    ) -> None:
        """Do any other reported action; `more` is added to the context."""
        self._record(action, subject, {**self._frontend.part(place), **more}, attributes, value)

    def _sign_in(self) -> None:
        self._at += int(self.random.random() * 400)
        self._record("signIn", "success", self._frontend.signed_in())
        self._at += 40

    def _record(
        self,
        action: str,
        subject: str,
        context: dict[str, Value],
        attributes: dict[str, Value] | None = None,
        value: int | None = None,
    ) -> Event:
        """Add an event, with absent fields left out as Backstage does, and advance the clock a little."""
        event: Event = {"action": action, "subject": subject}
        if value is not None:
            event["value"] = value
        if attributes is not None:
            event["attributes"] = attributes
        event["context"] = context
        self.steps.append((self._at, self._session, self._user, event, None))
        self._at += 12 + int(self.random.random() * 50)
        return event

    def means(self, word: str, about: object) -> None:
        """Say what the event that was recorded last means."""
        *step, _ = self.steps[-1]
        self.steps[-1] = (*step, (word, about))  # type: ignore[assignment]
