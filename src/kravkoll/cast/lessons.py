"""Lessons of the classes: activities, rooms, and calendar events on both sides of a change of clocks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from kravkoll.cast.population import Assignment, Gathering
from kravkoll.cast.records import Record, Registrar

STOCKHOLM = ZoneInfo("Europe/Stockholm")
FIRST_WEEK, WEEKS = date(2026, 10, 5), 10
"""Clocks go back on 25 October; the autumn holiday and Christmas leave the weeks around as they are."""
LENGTH = timedelta(minutes=60)
CANCELLED_EACH = 9
"""Every so many lessons is cancelled."""
SCHOOLS = frozenset({"GR", "GY", "VUXGR", "VUXGY"})
"""Forms with lessons; the preschool has none."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A time in the week: days after Monday, and the clock on the wall."""

    day: int
    at: time


SLOTS = (Slot(0, time(8, 20)), Slot(2, time(10, 0)), Slot(4, time(13, 10)))


def lessons(
    registrar: Registrar, groups: Iterable[Gathering], assignments: Iterable[Assignment]
) -> Mapping[str, tuple[Record, ...]]:
    """Activities, rooms and calendar events of those groups that have lessons."""
    taught = [one for one in groups if one.school_type in SCHOOLS]
    teachers = _teachers(assignments)
    units = dict.fromkeys(group.unit for group in taught)
    rooms = {unit: [f"{unit}-room-{number}" for number in (1, 2)] for unit in units}
    events = (
        registrar.lesson(
            f"{group.key}/{start:%Y-%m-%d}", group.key, start, start + LENGTH, room, cancelled=off
        )
        for group, start, room, off in _plan(taught, rooms)
    )
    return {
        "activities": tuple(registrar.activity(group, teachers.get(group.key, ())) for group in taught),
        "rooms": tuple(registrar.room(room, unit) for unit, keys in rooms.items() for room in keys),
        "calendarEvents": tuple(events),
    }


def _plan(
    groups: Iterable[Gathering], rooms: Mapping[str, list[str]]
) -> Iterator[tuple[Gathering, datetime, str, bool]]:
    """Each group has a slot or two a week, no two groups of a class the same, in the rooms of its unit."""
    number = 0
    for place, group in enumerate(groups):
        for week in range(WEEKS):
            slot = SLOTS[(place + week) % len(SLOTS)]
            day = FIRST_WEEK + timedelta(weeks=week, days=slot.day)
            number += 1
            start = datetime.combine(day, slot.at, STOCKHOLM)
            yield group, start, rooms[group.unit][number % 2], number % CANCELLED_EACH == 0


def _teachers(assignments: Iterable[Assignment]) -> Mapping[str, tuple[str, ...]]:
    """Group to those who teach it; a teacher of a class teaches its groups as well."""
    found: dict[str, tuple[str, ...]] = {}
    for one in assignments:
        for group in one.groups:
            for key in (group, f"{group}-music"):
                found[key] = (*found.get(key, ()), one.persona)
    return found
