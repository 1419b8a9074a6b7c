"""Reads a schedule: lessons from an SS 12000 interface, or from the page of whoever is logged in."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lxml import etree
from lxml.html import document_fromstring

from kravkoll.probes.http import Answer
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.record.outcome import Inconclusive, NotExercised

type Record = Mapping[str, Any]
type Names = frozenset[str]

STOCKHOLM = ZoneInfo("Europe/Stockholm")
SURROUNDINGS = ("activities", "rooms", "duties", "persons")
"""What a lesson refers to, and gets its names from."""
NOT_SHOWN = frozenset({"subject.refused", "subject.status", "subject.garbage"})


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson as one system shows it; each activity, room and teacher by all names that it has there."""

    id: str
    start: datetime
    end: datetime
    activity: Names
    rooms: tuple[Names, ...] | None = None
    """None where the view does not tell."""
    teachers: tuple[Names, ...] | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """From one day to another, both included."""

    first: date
    last: date

    @property
    def moments(self) -> dict[str, str]:
        """As parameters of a list of calendar events: whole days in Sweden."""
        start = datetime(self.first.year, self.first.month, self.first.day, tzinfo=STOCKHOLM)
        end = datetime(self.last.year, self.last.month, self.last.day, 23, 59, 59, tzinfo=STOCKHOLM)
        return {"startTime.onOrAfter": start.isoformat(), "startTime.onOrBefore": end.isoformat()}


class Directory:
    """The records that lessons refer to, by resource."""

    def __init__(self, records: Mapping[str, Iterable[Record]]) -> None:
        self._records = {
            resource: {str(one.get("id")): one for one in held} for resource, held in records.items()
        }

    @classmethod
    def read(cls, api: Ss12000) -> "Directory":
        """What the interface shows of them; what it does not show stays without names."""
        held: dict[str, Sequence[Record]] = {}
        for resource in SURROUNDINGS:
            try:
                held[resource] = api.walk(resource)
            except Inconclusive as reason:
                if reason.reason.code not in NOT_SHOWN:
                    raise
        return cls(held)

    def find(self, resource: str, identity: str) -> Record | None:
        return self._records.get(resource, {}).get(identity)

    def named(self, resource: str, identity: str) -> Names:
        """The id, and the name where one is known."""
        record = self.find(resource, identity) or {}
        return frozenset(str(one) for one in (identity, record.get("displayName")) if one)

    def teacher(self, duty: str) -> Names:
        """By duty, signature, person and the ways in which a name is written."""
        record = self.find("duties", duty) or {}
        identity = _reference(record.get("person"))
        person = self.find("persons", identity) or {}
        given, family = person.get("givenName"), person.get("familyName")
        written = (f"{given} {family}", f"{family} {given}", f"{family}, {given}") if given and family else ()
        return frozenset(str(one) for one in (duty, record.get("signature"), identity, *written) if one)


class ApiSchedule:
    """Lessons of one span of days, as an SS 12000 interface shows them."""

    def __init__(self, api: Ss12000, span: Span, directory: Directory) -> None:
        self._api = api
        self._span = span
        self._directory = directory

    def of_student(self, person: str) -> tuple[Lesson, ...]:
        return self._read({"student": person})

    def of_teacher(self, duties: Iterable[str]) -> tuple[Lesson, ...]:
        found = {lesson.id: lesson for duty in duties for lesson in self._read({"teacher": duty})}
        return tuple(found.values())

    def of_everybody(self) -> tuple[Lesson, ...]:
        return self._read({})

    def _read(self, filters: Mapping[str, str]) -> tuple[Lesson, ...]:
        events = self._api.walk("calendarEvents", where={**self._span.moments, **filters})
        return tuple(lesson_of(event, self._directory) for event in events)


class ScheduleView:
    """The agreed way to somebody's own schedule: `schedule.view` of the supplier file."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._lesson: Mapping[str, str] = settings.get("lesson", {})
        self._zone = _zone(str(settings.get("zone", "Europe/Stockholm")))

    def path(self, first: date, last: date, person: str = "") -> str:
        """Below the interface's address; `person` for the address that names somebody else."""
        path = str(self._settings.get("of" if person else "path", ""))
        if not path:
            raise NotExercised("capability.incomplete", "schedule.view: path")
        told = {"{from}": first.isoformat(), "{to}": last.isoformat(), "{person}": person}
        for place, value in told.items():
            path = path.replace(place, value)
        return path

    @property
    def names_others(self) -> bool:
        """Whether there is an address that could be changed to name somebody else."""
        return bool(self._settings.get("of"))

    def read(self, answer: Answer) -> tuple[Lesson, ...]:
        """The lessons of an answer; Inconclusive where it is no schedule."""
        if answer.status >= 300:
            raise Inconclusive("subject.status", str(answer))
        rows = list(self._json(answer) if "json" in self._settings else self._html(answer))
        return tuple(self._one(row, answer) for row in rows)

    def _json(self, answer: Answer) -> Iterator[dict[str, list[str]]]:
        found = _member(_parsed(answer), str(self._settings["json"]))
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise Inconclusive("subject.garbage", f"{answer}: no lessons at {self._settings['json']!r}")
        for one in found:
            yield {name: _texts(_member(one, path)) for name, path in self._lesson.items()}

    def _html(self, answer: Answer) -> Iterator[dict[str, list[str]]]:
        rows = self._settings.get("rows")
        if not rows or not self._lesson:
            raise NotExercised("capability.incomplete", "schedule.view: json or rows, and lesson")
        try:
            document: Any = document_fromstring(answer.body.decode("utf-8", "replace"))
        except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
            raise Inconclusive("subject.garbage", f"{answer}: no page") from error
        try:
            for row in document.xpath(str(rows)):
                yield {name: _found(row.xpath(path)) for name, path in self._lesson.items()}
        except etree.XPathError as error:
            raise NotExercised("capability.invalid", f"schedule.view: {error}") from error

    def _one(self, told: Mapping[str, Sequence[str]], answer: Answer) -> Lesson:
        if not told.get("start") or not told.get("end"):
            raise Inconclusive("subject.garbage", f"{answer}: a lesson without start or end")
        day = f"{told['date'][0]} " if told.get("date") else ""
        return Lesson(
            id=next(iter(told.get("id", ())), ""),
            start=instant(day + told["start"][0], self._zone),
            end=instant(day + told["end"][0], self._zone),
            activity=frozenset(told.get("activity", ())),
            rooms=_separate(told.get("rooms")),
            teachers=_separate(told.get("teachers")),
            cancelled=self._cancelled(told.get("cancelled", ())),
        )

    def _cancelled(self, told: Sequence[str]) -> bool:
        """The agreed word; without one, anything but a no."""
        word = self._settings.get("cancelled_when")
        if word is not None:
            return str(word) in told
        return any(one not in {"", "false", "0"} for one in told)


def lesson_of(event: Record, directory: Directory) -> Lesson:
    """A calendar event with the names around it."""
    activity = _reference(event.get("activity"))
    known = directory.find("activities", activity)
    return Lesson(
        id=str(event.get("id", "")),
        start=instant(str(event.get("startTime")), STOCKHOLM),
        end=instant(str(event.get("endTime")), STOCKHOLM),
        activity=directory.named("activities", activity),
        rooms=tuple(directory.named("rooms", _reference(one)) for one in event.get("rooms") or ()),
        teachers=None if known is None else tuple(map(directory.teacher, _teaching(event, known))),
        cancelled=event.get("cancelled") is True,
    )


def instant(value: str, zone: tzinfo) -> datetime:
    """A moment; one without offset is read by the clock on the wall in `zone`."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise Inconclusive("subject.garbage", f"{value!r} is no time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _teaching(event: Record, activity: Record) -> Iterator[str]:
    """Duties that hold the lesson: the activity's, less those who are away, and those who stand in."""
    exceptions = event.get("teacherExceptions") or ()
    told = {_reference(one.get("duty")): one.get("participates") is True for one in exceptions}
    usual = [_reference(one.get("duty")) for one in activity.get("teachers") or ()]
    yield from (duty for duty in usual if told.get(duty, True))
    yield from (duty for duty, comes in told.items() if comes and duty not in usual)


def _reference(value: object) -> str:
    return str(value.get("id", "")) if isinstance(value, Mapping) else ""


def _separate(names: Sequence[str] | None) -> tuple[Names, ...] | None:
    return None if names is None else tuple(frozenset({name}) for name in names)


def _parsed(answer: Answer) -> object:
    try:
        return json.loads(answer.body)
    except ValueError as error:
        raise Inconclusive("subject.garbage", f"{answer}: no JSON") from error


def _member(value: object, path: str) -> object:
    for name in path.split(".") if path else ():
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if value is None:
        return []
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _found(nodes: object) -> list[str]:
    """Texts of what an XPath found: elements, attributes, or a string."""
    if not isinstance(nodes, list):
        return [str(nodes)]
    texts = (one if isinstance(one, str) else "".join(one.itertext()) for one in nodes)
    return [" ".join(str(text).split()) for text in texts]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise NotExercised("capability.invalid", f"schedule.view: no zone {name!r}") from error
