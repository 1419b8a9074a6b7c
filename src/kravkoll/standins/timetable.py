"""Whose lessons are whose: what somebody who is logged in sees of a schedule."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.records import Record, Records, reference
from kravkoll.standins.resources import PARAMETERS

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@dataclass(frozen=True, slots=True)
class Entry:
    """A lesson as a person reads it: names, and times by the clock on the wall."""

    id: str
    start: datetime
    end: datetime
    activity: str
    rooms: tuple[str, ...]
    teachers: tuple[str, ...]
    cancelled: bool


def account(records: Records, user: str) -> Record | None:
    """The person who logs in by this name: by eduPersonPrincipalName, or by the register's id."""
    row = records.get("persons", user)
    if row:
        return row.record
    people = records.all("persons")
    return next((one for one in people if user in one.get("eduPersonPrincipalNames", ())), None)


def duties_of(records: Records, person: Record) -> tuple[str, ...]:
    """Ids of somebody's duties; pupils and guardians have none."""
    return tuple(one["id"] for one in records.all("duties") if reference(one.get("person")) == person["id"])


def entries(records: Records, person: Record, first: date, last: date, behave: Behaviour) -> list[Entry]:
    """Somebody's lessons from the first day to the last, both included, in order of time."""
    duties = duties_of(records, person)
    found = (
        entry(event, records)
        for event in records.all("calendarEvents")
        if behave(owned)(event, person, duties, records)
    )
    return sorted(
        (one for one in found if first <= one.start.date() <= last), key=lambda one: (one.start, one.id)
    )


def room_use(records: Records, room: str, first: date, last: date) -> list[Entry]:
    """What a room is taken for."""
    found = (
        entry(event, records)
        for event in records.all("calendarEvents")
        if room in [reference(one) for one in event.get("rooms", ())]
    )
    taken = (one for one in found if first <= one.start.date() <= last and not one.cancelled)
    return sorted(taken, key=lambda one: (one.start, one.id))


def owned(event: Record, person: Record, duties: tuple[str, ...], records: Records) -> bool:
    """Whether a lesson is this pupil's or this teacher's."""
    return _keeps("student", event, (person["id"],), records) or bool(
        duties and _keeps("teacher", event, duties, records)
    )


def wall_time(moment: str) -> datetime:
    """A time as the clock in the school shows it."""
    return datetime.fromisoformat(moment).astimezone(STOCKHOLM)


def _keeps(name: str, event: Record, values: tuple[str, ...], records: Records) -> bool:
    keeps = PARAMETERS["calendarEvents"][name].keeps
    return keeps is not None and keeps(event, values, records)


def entry(event: Record, records: Records) -> Entry:
    """A lesson with the names of what it refers to."""
    row = records.get("activities", reference(event.get("activity")))
    activity = row.record if row else {}
    return Entry(
        id=event["id"],
        start=wall_time(event["startTime"]),
        end=wall_time(event["endTime"]),
        activity=str(activity.get("displayName", "")),
        rooms=tuple(_room(records, reference(one)) for one in event.get("rooms", ())),
        teachers=tuple(_teacher(records, duty) for duty in _teaching(event, activity)),
        cancelled=bool(event.get("cancelled")),
    )


def _teaching(event: Record, activity: Record) -> Iterator[str]:
    """Duties that hold the lesson: the activity's, less those who are away, and those who stand in."""
    told = {reference(one.get("duty")): one["participates"] for one in event.get("teacherExceptions", ())}
    usual = [reference(one.get("duty")) for one in activity.get("teachers", ())]
    yield from (duty for duty in usual if told.get(duty, True))
    yield from (duty for duty, comes in told.items() if comes and duty not in usual)


def _room(records: Records, room: str) -> str:
    row = records.get("rooms", room)
    return str(row.record.get("displayName", room)) if row else room


def _teacher(records: Records, duty: str) -> str:
    """Signature where there is one, else the name, else what is left: the id."""
    row = records.get("duties", duty)
    if row is None:
        return duty
    if "signature" in row.record:
        return str(row.record["signature"])
    person = records.get("persons", reference(row.record.get("person")))
    names = person.record if person else {}
    return f"{names.get('givenName', '')} {names.get('familyName', '')}".strip() or duty


@fault("schedule.others", replaces=owned)
def show_the_lessons_of_all(
    _event: Record, _person: Record, _duties: tuple[str, ...], _records: Records
) -> bool:
    return True


@fault("schedule.gaps", replaces=owned)
def lose_every_third_lesson(event: Record, person: Record, duties: tuple[str, ...], records: Records) -> bool:
    return bool(int(event["id"][:2], 16) % 3) and owned(event, person, duties, records)
