"""Who came and who did not: absences of all, lessons of the schools, and the days of the preschools."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from kravkoll.cast.canaries import Owner
from kravkoll.cast.people import Person
from kravkoll.cast.population import Gathering
from kravkoll.cast.records import TERM_START, Record, Registrar

STOCKHOLM = ZoneInfo("Europe/Stockholm")
REPORTED = (date(2026, 10, 19), date(2026, 10, 31))
"""Lessons of these days have been reported: on both sides of the change of clocks."""
PRESCHOOL_DAY = date(2026, 10, 26)
"""The first day of standard time."""
DAYS = ("Måndag", "Tisdag", "Onsdag", "Torsdag", "Fredag")
LESSON_MINUTES = 60
ABSENT_EACH = 7
"""Every so many pupils misses a lesson or a day."""

type Pupils = Sequence[tuple[Person, Gathering]]


def attendance(
    registrar: Registrar, pupils: Pupils, lessons: Iterable[Record]
) -> Mapping[str, tuple[Record, ...]]:
    """Records of attendance of these pupils, at these calendar events."""
    reported = list(_attendances(registrar, pupils, lessons))
    small = [(person, group) for person, group in pupils if group.school_type == "FS"]
    return {
        "attendances": tuple(record for record, _ in reported),
        "aggregatedAttendance": tuple(_sums(reported)),
        "absences": tuple(_absences(registrar, pupils)),
        "attendanceEvents": tuple(_comings_and_goings(registrar, small)),
        "attendanceSchedule": tuple(_schedule(registrar, person) for person, _ in small),
    }


def _attendances(
    registrar: Registrar, pupils: Pupils, lessons: Iterable[Record]
) -> Iterator[tuple[Record, str]]:
    """Each with the id of its activity."""
    of_activity: dict[str, list[Person]] = defaultdict(list)
    for person, group in pupils:
        of_activity[registrar.id("activities", group.key)].append(person)
    for lesson in lessons:
        start = datetime.fromisoformat(str(lesson["startTime"]))
        activity = str(lesson["activity"]["id"])  # type: ignore[index]  # our own record
        if REPORTED[0] <= start.date() <= REPORTED[1] and not lesson["cancelled"]:
            for person in of_activity[activity]:
                yield _attendance(registrar, person, lesson, start), activity


def _attendance(registrar: Registrar, person: Person, lesson: Record, start: datetime) -> Record:
    record = registrar.id("attendances", f"{lesson['id']}/{person.persona}")
    owner = Owner("attendances", record, person.persona)
    missed = registrar.number(record) % ABSENT_EACH == 0
    told: Record = {"absenceReason": registrar.text(owner, "absenceReason")} if missed else {}
    return (
        registrar.start(owner)
        | told
        | {
            "calendarEvent": {"id": lesson["id"]},
            "student": {"id": person.id},
            "isReported": True,
            "attendanceMinutes": 0 if missed else LESSON_MINUTES,
            "validAbsenceMinutes": 0,
            "invalidAbsenceMinutes": LESSON_MINUTES if missed else 0,
            "otherAttendanceMinutes": 0,
            "reportedTimestamp": (start + timedelta(minutes=10)).isoformat(),
        }
    )


def _sums(reported: Iterable[tuple[Record, str]]) -> Iterator[Record]:
    """Minutes by pupil and activity over the reported days. The standard gives a sum neither id nor meta."""
    minutes: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for record, activity in reported:
        student = str(record["student"]["id"])  # type: ignore[index]  # our own record
        minutes[student, activity][0] += int(str(record["attendanceMinutes"]))
        minutes[student, activity][1] += int(str(record["invalidAbsenceMinutes"]))
    for (student, activity), (present, absent) in minutes.items():
        yield {
            "activity": {"id": activity},
            "student": {"id": student},
            "startDate": REPORTED[0].isoformat(),
            "endDate": REPORTED[1].isoformat(),
            "attendanceSum": present,
            "validAbsenceSum": 0,
            "invalidAbsenceSum": absent,
            "otherAttendanceSum": 0,
            "reportedSum": present + absent,
            "offeredSum": present + absent,
        }


def _absences(registrar: Registrar, pupils: Pupils) -> Iterator[Record]:
    """Every named child has one, and some of the many."""
    for person, group in pupils:
        owner = Owner("absences", registrar.id("absences", person.persona), person.persona)
        number = registrar.number(owner.record)
        if person.persona.startswith(group.key) and number % ABSENT_EACH:
            continue
        day = REPORTED[0] + timedelta(days=number % 5 + 7 * (number % 2))
        yield registrar.start(owner) | {
            "startTime": datetime.combine(day, time(8), STOCKHOLM).isoformat(),
            "endTime": datetime.combine(day, time(16), STOCKHOLM).isoformat(),
            "type": ("Anmäld frånvaro", "Beviljad ledighet")[number % 3 == 0],
            "student": {"id": person.id},
            "organisation": registrar.reference("organisations", group.unit),
        }


def _comings_and_goings(registrar: Registrar, children: Pupils) -> Iterator[Record]:
    for person, group in children:
        for kind, hour in (("In", 8), ("Ut", 16)):
            key = registrar.id("attendanceEvents", f"{person.persona}/{kind}")
            minute = registrar.number(key) % 50
            yield registrar.start(Owner("attendanceEvents", key, person.persona)) | {
                "time": datetime.combine(PRESCHOOL_DAY, time(hour, minute), STOCKHOLM).isoformat(),
                "eventType": kind,
                "person": {"id": person.id},
                "group": registrar.reference("groups", group.key),
            }


def _schedule(registrar: Registrar, person: Person) -> Record:
    owner = Owner("attendanceSchedule", registrar.id("attendanceSchedule", person.persona), person.persona)
    asked = datetime.combine(TERM_START, time(12), STOCKHOLM).isoformat()
    state = {"state": "Godkänt", "registeredAt": asked, "comment": registrar.text(owner, "state.comment")}
    return registrar.start(owner) | {
        "placement": registrar.reference("placements", person.persona),
        "numberOfWeeks": 1,
        "startDate": TERM_START.isoformat(),
        "temporary": False,
        "state": [state],
        "scheduleEntries": [
            {"weekOffset": 0, "dayOfWeek": day, "startTime": "08:00", "endTime": "16:00"} for day in DAYS
        ],
    }
