"""Whose data somebody may see: their own, and their own children's."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from kravkoll.standins.faults import Behaviour
from kravkoll.standins.records import Record, Records, RecordStore, reference
from kravkoll.standins.timetable import STOCKHOLM, Entry, account, entries

GUARDIAN = "Vårdnadshavare"
OF_AGE = 18


class Family:
    """What one user is shown of a store."""

    def __init__(self, store: RecordStore, behave: Behaviour) -> None:
        self._store = store
        self._behave = behave

    def pupils(self, user: str) -> list[Record]:
        """The user, if a pupil, and the children that the user has custody of; nobody for strangers."""
        records = self._store.now
        own = account(records, user)
        children = [child for child in records.all("persons") if has_custody(user, child, today())]
        return ([own] if own and own.get("enrolments") else []) + children

    def pupil(self, user: str, pupil_id: str) -> Record | None:
        """One of them, by id; None for everybody else."""
        return next((one for one in self.pupils(user) if one["id"] == pupil_id), None)

    def lessons(self, pupil: Record, first: date, last: date) -> list[Entry]:
        return entries(self._store.now, pupil, first, last, self._behave)

    def absences(self, pupil: Record) -> list[Record]:
        """Notices of absence, in order of time."""
        return _about(self._store.now, "absences", pupil, "startTime")

    def attendances(self, pupil: Record) -> list[Record]:
        """What was noted at lessons, and comings and goings in the preschool."""
        noted = _about(self._store.now, "attendances", pupil, "reportedTimestamp")
        return noted + _about(self._store.now, "attendanceEvents", pupil, "time")


def today() -> date:
    return datetime.now(STOCKHOLM).date()


def has_custody(user: str, child: Record, day: date) -> bool:
    """A guardian, not a contact; and not of somebody who has come of age."""
    if "birthDate" not in child or _years(date.fromisoformat(child["birthDate"]), day) >= OF_AGE:
        return False
    return any(
        reference(one.get("person")) == user and one.get("relationType") == GUARDIAN
        for one in child.get("responsibles", ())
    )


def entry_json(entry: Entry) -> dict[str, Any]:
    """A lesson as the app is sent it; times with their offset."""
    return {
        "id": entry.id,
        "start": entry.start.isoformat(),
        "end": entry.end.isoformat(),
        "activity": entry.activity,
        "rooms": list(entry.rooms),
        "cancelled": entry.cancelled,
    }


def absence_json(absence: Record) -> dict[str, Any]:
    return {name: absence[name] for name in ("id", "startTime", "endTime", "type") if name in absence}


def attendance_json(attendance: Record) -> dict[str, Any]:
    names = ("id", "time", "eventType", "reportedTimestamp", "attendanceMinutes", "invalidAbsenceMinutes")
    return {name: attendance[name] for name in names if name in attendance}


def name_of(pupil: Mapping[str, Any]) -> str:
    return str(pupil.get("givenName", "Elev"))


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _about(records: Records, resource: str, pupil: Record, time: str) -> list[Record]:
    own = (
        one
        for one in records.all(resource)
        if pupil["id"] in {reference(one.get("student")), reference(one.get("person"))}
    )
    return sorted(own, key=lambda one: str(one.get(time, "")))
