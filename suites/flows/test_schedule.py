"""Whether the schedule is the same wherever it is shown, also after a change, and shown to nobody else."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kravkoll.cast import Cast
from kravkoll.cast.people import Person, Role
from kravkoll.checks import FlowEnd, Inconclusive, NotExercised, NotMet, Party, check
from kravkoll.checks.schedule import Difference, differences, outdated, schedule_findings
from kravkoll.checks.subject import Subject, verifying_context
from kravkoll.city.city import City
from kravkoll.probes.flow_run import as_client
from kravkoll.probes.http import Visitor
from kravkoll.probes.login import CityLogin
from kravkoll.probes.schedule import STOCKHOLM, ApiSchedule, Directory, Lesson, ScheduleView, Span
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.record.outcome import Finding

RESOURCE = "calendarEvents"
LINK_WORDS = tuple(
    yaml.safe_load(Path(__file__).parents[1].joinpath("login", "known_ways.yaml").read_text("utf-8"))[
        "link_words"
    ]
)
PUPILS, TEACHERS = 3, 1
"""How many of each are looked at: one a group, so that a lesson of somebody else's can be told."""
LONGEST_WAIT_SECONDS = 60.0
"""A system that fetches more seldom than this is told to fetch instead of waited for."""
USUAL_WAIT_SECONDS = 10.0
NOT_SHOWN = frozenset({"subject.refused", "subject.status", "subject.garbage"})


@dataclass(frozen=True, slots=True)
class Somebody:
    """A pupil or a teacher, with the duties of the latter."""

    persona: str
    id: str
    duties: tuple[str, ...] = ()


@dataclass(slots=True)
class Source:
    """The schedule as the system that owns it shows it."""

    api: Ss12000
    span: Span
    directory: Directory = field(init=False)

    def __post_init__(self) -> None:
        self.directory = Directory.read(self.api)

    def lessons(self, somebody: Somebody) -> tuple[Lesson, ...]:
        return _of(ApiSchedule(self.api, self.span, self.directory), somebody)

    def everybody(self) -> tuple[Lesson, ...]:
        return ApiSchedule(self.api, self.span, self.directory).of_everybody()


type View = Callable[[Somebody], tuple[Lesson, ...]]
"""One way in which a system shows somebody's lessons."""


def _of(schedule: ApiSchedule, somebody: Somebody) -> tuple[Lesson, ...]:
    return schedule.of_teacher(somebody.duties) if somebody.duties else schedule.of_student(somebody.id)


class Pages:
    """Schedules as whoever is logged in sees them; each person logs in once."""

    def __init__(self, party: Party, city: City, stack: contextlib.ExitStack, span: Span) -> None:
        settings = party.capability("schedule.view")
        self._view = ScheduleView(settings)
        self._web = party.places["web"]
        self._start = party.places.get("login", self._web) + str(settings.get("start", "/"))
        self._city = city
        self._context = verifying_context(city.ca.anchor_pem + party.trust)
        self._stack = stack
        self._span = span
        self._browsers: dict[str, Visitor] = {}

    @property
    def names_others(self) -> bool:
        return self._view.names_others

    def lessons(self, somebody: Somebody, of: str = "") -> tuple[Lesson, ...]:
        """What this person is shown; `of` names somebody else in the address."""
        return self._view.read(self._browser(somebody.persona).follow("GET", self._address(of))[-1])

    def without_login(self) -> str:
        """The text of what is shown to nobody in particular."""
        browser = self._stack.enter_context(self._visitor())
        return browser.follow("GET", self._address(""))[-1].text

    def refused(self, somebody: Somebody, of: str) -> tuple[Lesson, ...]:
        """As `lessons` of somebody else, where an answer that is no schedule shows no lesson."""
        try:
            return self.lessons(somebody, of)
        except Inconclusive as reason:
            if reason.reason.code in NOT_SHOWN:
                return ()
            raise

    def _address(self, of: str) -> str:
        return self._web + self._view.path(self._span.first, self._span.last, of)

    def _visitor(self) -> Visitor:
        origins = [self._web, self._start, *self._city.login_entries]
        return Visitor(self._context, origins)

    def _browser(self, persona: str) -> Visitor:
        if persona not in self._browsers:
            browser = self._stack.enter_context(self._visitor())
            login = CityLogin(self._city.login_entries, LINK_WORDS)
            login.log_in(browser, login.find_entry(browser, self._start), persona)
            self._browsers[persona] = browser
        return self._browsers[persona]


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


@pytest.fixture
def span(cast: Cast) -> Span:
    """The days on which our people have lessons: months on both sides of a change of clocks."""
    starts = [str(one["startTime"])[:10] for one in cast.records.get(RESOURCE, ())]
    if not starts:
        raise Inconclusive("cast.empty", "nobody has a lesson")
    return Span(date.fromisoformat(min(starts)), date.fromisoformat(max(starts)))


@pytest.fixture
def owner(subject: Subject) -> Party:
    """Whose schedule it is: the sender's, or for a system that is sent none, its own."""
    flows = [subject.flow] if subject.flow else list(subject.feeds)
    carrying = [flow for flow in flows if RESOURCE in flow.flow.carries]
    if subject.flow and not carrying:
        raise NotExercised("flow.no-schedule", subject.flow.flow.id)
    if carrying:
        return carrying[0].sender
    if subject.system not in subject.parties:
        raise NotExercised("environment.no-system", subject.system)
    return subject.parties[subject.system]


@pytest.fixture
def source(owner: Party, city: City, span: Span, stack: contextlib.ExitStack) -> Source:
    return Source(_api(owner, city, stack), span)


@pytest.fixture
def people(source: Source, cast: Cast, subject: Subject) -> list[Somebody]:
    """Pupils of different groups, and a teacher, who have lessons in the source."""
    forms = subject.flow.flow.school_forms if subject.flow else ()
    chosen: dict[str, Somebody] = {}
    for person in cast.people.values():
        if _is_pupil(person) and (not forms or person.school_type in forms):
            chosen.setdefault(str(person.group), Somebody(person.persona, person.id))
    pupils = [one for one in chosen.values() if source.lessons(one)][:PUPILS]
    teachers = [one for one in _teachers(cast) if source.lessons(one)][:TEACHERS]
    if not pupils and not teachers:
        raise Inconclusive("subject.no-data", "the source shows no lesson of anybody of ours")
    return [*pupils, *teachers]


def _is_pupil(person: Person) -> bool:
    return person.role is Role.CHILD and person.tenant == "city" and not person.protected


def _teachers(cast: Cast) -> Iterator[Somebody]:
    for person in cast.people.values():
        if person.role is Role.STAFF and person.tenant == "city" and not person.protected:
            duties = [one for one in cast.records["duties"] if one["person"] == {"id": person.id}]
            if duties:
                yield Somebody(person.persona, person.id, tuple(str(one["id"]) for one in duties))


def _api(party: Party, city: City, stack: contextlib.ExitStack) -> Ss12000:
    token = as_client("city", city.authorisation_server.token)(party)
    return stack.enter_context(Ss12000(party.url, token, ssl_context=party.ssl_context()))


@pytest.fixture
def views(
    subject: Subject, flow: FlowEnd, city: City, span: Span, stack: contextlib.ExitStack
) -> Mapping[str, View]:
    """Every way in which the receiver shows a schedule: its interface, and its pages."""
    found: dict[str, View] = {}
    unseen = "no interface and no page"
    if "schedule.view" in flow.receiver.capabilities and "web" in flow.receiver.places:
        found["page"] = Pages(flow.receiver, city, stack, span).lessons
    if "api.token" in flow.receiver.capabilities and flow.receiver.address:
        api = _api(flow.receiver, city, stack)
        try:
            api.page(RESOURCE, limit=1, **span.moments)
            shown = ApiSchedule(api, span, Directory.read(api))
            found["interface"] = lambda somebody: _of(shown, somebody)
        except Inconclusive as reason:
            unseen = str(reason.reason)
            subject.note({"the interface shows no schedule": unseen})
    if not found:
        raise NotExercised("receiver.unreadable", unseen)
    return found


@check("FLO-SCD-01")
def test_the_receiver_shows_the_same_schedule(
    subject: Subject, source: Source, people: list[Somebody], views: Mapping[str, View]
) -> None:
    everybody = source.everybody()
    own = {somebody.persona: source.lessons(somebody) for somebody in people}
    found = [
        _told(one, name, somebody)
        for name, lessons in views.items()
        for somebody in people
        for one in differences(own[somebody.persona], lessons(somebody), everybody)
    ]
    subject.note(_summary(own, views))
    if found:
        raise NotMet(findings=tuple(schedule_findings(found, sum(map(len, own.values())) * len(views))))


def _told(one: Difference, view: str, somebody: Somebody) -> Difference:
    return Difference(one.code, {"seen by": view, "person": somebody.persona} | one.case, one.shown)


def _summary(own: Mapping[str, Sequence[Lesson]], views: Mapping[str, View]) -> dict[str, object]:
    """How many lessons, and how many of them in summer and in winter time."""
    offsets: dict[str, int] = {}
    for lesson in (one for lessons in own.values() for one in lessons):
        offset = f"{lesson.start.astimezone(STOCKHOLM):%z}"
        offsets[offset] = offsets.get(offset, 0) + 1
    return {
        "seen by": list(views),
        "lessons": {persona: len(lessons) for persona, lessons in own.items()},
        "cancelled": sum(one.cancelled for lessons in own.values() for one in lessons),
        "by offset from UTC": offsets,
    }


@check("FLO-SCD-02")
def test_changes_arrive_in_time(
    subject: Subject, flow: FlowEnd, source: Source, people: list[Somebody], views: Mapping[str, View]
) -> None:
    seed = flow.sender.hook(str(flow.sender.capability("seed").get("hook", "seed")))
    pupil = next((one for one in people if not one.duties), people[0])
    before, after = _lessons_of_ours(source, pupil)
    made = [str(one["id"]) for one in before]
    watch = Watching(flow, source, pupil, views)
    try:
        seed(put={RESOURCE: before}, remove={})
        found = watch.until_same((), made)
        first = source.lessons(pupil)
        if not found:
            kept = {str(one["id"]) for one in after}
            seed(put={RESOURCE: after}, remove={RESOURCE: [one for one in made if one not in kept]})
            found = watch.until_same(first, sorted(kept))
    finally:
        seed(put={}, remove={RESOURCE: made})
    subject.note({"lessons of ours": made, "seconds until they were seen": watch.seconds})
    if found:
        raise NotMet(findings=tuple(schedule_findings(found, len(made) * len(views))))


@dataclass(slots=True)
class Watching:
    """Looks at one person's schedule until it is the source's, or the agreed time is over."""

    flow: FlowEnd
    source: Source
    somebody: Somebody
    views: Mapping[str, View]
    seconds: list[float] = field(default_factory=list)

    def until_same(self, old: Sequence[Lesson], seeded: Sequence[str]) -> list[Difference]:
        """What is still wrong at the end; `seeded` must be in the source, or nothing was tried."""
        own, everybody = self.source.lessons(self.somebody), self.source.everybody()
        if missing := set(seeded) - {lesson.id for lesson in own}:
            raise Inconclusive("seed.no-effect", ", ".join(sorted(missing)))
        started = time.monotonic()
        patience = self._patience()
        pause = 0.05
        while True:
            wrong = [
                _told(one, name, self.somebody)
                for name, lessons in self.views.items()
                for one in outdated(old, differences(own, lessons(self.somebody), [*everybody, *old]))
            ]
            waited = time.monotonic() - started
            if not wrong or waited > patience:
                self.seconds.append(round(waited, 2))
                return wrong
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def _patience(self) -> float:
        """Seconds within which the receiver says that it brings a change by itself; else it is told to."""
        capabilities = self.flow.receiver.capabilities
        if "client.waiting" in capabilities:
            seconds = float(capabilities["client.waiting"].get("seconds", USUAL_WAIT_SECONDS))
            if seconds <= LONGEST_WAIT_SECONDS or "client.trigger" not in capabilities:
                return seconds
        self.flow.trigger()
        return USUAL_WAIT_SECONDS


def _lessons_of_ours(source: Source, pupil: Somebody) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Four lessons of the pupil's, and what becomes of them: changed, moved, cancelled, and gone.

    They are copies of one of the source's at an early hour; the move goes from winter time to summer time.
    """
    known = source.lessons(pupil)
    events = source.api.walk(RESOURCE, where={**source.span.moments})
    original = next(one for one in events if one["id"] == known[0].id)
    copied = {name: value for name, value in original.items() if name not in {"id", "meta", "cancelled"}}
    first, last = source.span.first, source.span.last
    changed, moved, cancelled, _gone = before = [
        {**copied, "id": str(uuid.uuid4()), **_early(last, minutes)} for minutes in (0, 15, 30, 45)
    ]
    rooms = [{"id": one} for one in _other_rooms(events, original)]
    after = [
        {**changed, "rooms": rooms},
        {**moved, **_early(first, 15)},
        {**cancelled, "cancelled": True},
    ]
    return before, after


def _other_rooms(events: Sequence[Mapping[str, Any]], original: Mapping[str, Any]) -> list[str]:
    own = {one["id"] for one in original.get("rooms") or ()}
    every = (one["id"] for event in events for one in event.get("rooms") or ())
    return [next((one for one in every if one not in own), "")] if own else []


def _early(day: date, minutes: int) -> dict[str, str]:
    """A quarter of an hour, before any school begins, by the clock on the wall."""
    start = datetime(day.year, day.month, day.day, 6, tzinfo=STOCKHOLM) + timedelta(minutes=minutes)
    end = start + timedelta(minutes=10)
    return {"startTime": start.isoformat(), "endTime": end.isoformat()}


@check("FLO-SCD-03")
def test_nobody_is_shown_the_schedule_of_others(  # noqa: PLR0913, PLR0917  what the pages are compared with
    subject: Subject,
    city: City,
    source: Source,
    people: list[Somebody],
    span: Span,
    stack: contextlib.ExitStack,
) -> None:
    pages = Pages(subject.parties[subject.system], city, stack, span)
    everybody = source.everybody()
    own = {somebody.persona: source.lessons(somebody) for somebody in people}
    shown = {somebody.persona: pages.lessons(somebody) for somebody in people}
    subject.note({persona: {"own": len(own[persona]), "shown": len(shown[persona])} for persona in own})
    findings = [*_open(pages.without_login(), everybody)]
    blind = [one.persona for one in people if not shown[one.persona]]
    if blind:
        findings.append(Finding("FLO-SCD.missing", "the person's own lessons", "none", failed=len(blind)))
    found = [
        _told(one, "page", somebody)
        for somebody in people
        for one in _strangers(own[somebody.persona], shown[somebody.persona], everybody)
    ]
    for somebody in (one for one in people if not one.duties and pages.names_others):
        for other in (one for one in people if one is not somebody):
            told = pages.refused(somebody, other.id)
            found += [
                _told(one, f"page, asked for {other.persona}", somebody)
                for one in _strangers(own[somebody.persona], told, everybody)
            ]
    findings += schedule_findings(found, sum(map(len, own.values())))
    if findings:
        raise NotMet(findings=tuple(findings))


def _strangers(
    own: Sequence[Lesson], shown: Sequence[Lesson], everybody: Sequence[Lesson]
) -> list[Difference]:
    return [one for one in differences(own, shown, everybody) if one.code == "FLO-SCD.others"]


def _open(text: str, everybody: Sequence[Lesson]) -> Iterator[Finding]:
    """Names of activities and ids of lessons in what is shown to nobody in particular."""
    names = {name for lesson in everybody for name in (lesson.id, *lesson.activity) if name}
    cases = tuple(sorted(name for name in names if name in text))
    if cases:
        yield Finding("FLO-SCD.open", "nothing without login", cases[0], cases[:20], len(cases), len(names))
