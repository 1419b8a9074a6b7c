"""The cast as SS 12000:2020 records. Codes and enums are plain; every free-text field holds its own token.

`Cast.records` has, by the names of the standard's paths: organisations, persons, placements, groups, duties,
programmes, syllabuses, schoolUnitOfferings, studyplans, activities, rooms, calendarEvents, attendances,
attendanceEvents, attendanceSchedule, absences, aggregatedAttendance, grades, deletedEntities. Of the schools:
programmes to attendances, aggregatedAttendance, grades; of the preschools: placements, attendanceEvents,
attendanceSchedule; absences are of both. schoolUnitOfferings and aggregatedAttendance have no id and no meta.
Times carry the offset of Stockholm.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import cast

from kravkoll.cast.canaries import Mint, Owner
from kravkoll.cast.people import Person, Role
from kravkoll.cast.population import Assignment, Gathering, Unit
from kravkoll.cast.relations import Relation, RelationType
from kravkoll.record.personal_numbers import is_male

type Record = dict[str, object]

TERM_START = date(2026, 8, 17)
FIRST_WRITTEN = datetime(2026, 8, 1, tzinfo=UTC)
WEEKS_OF_WRITING = 12
EDUCATION_CODES = {"GY": "TE", "VUXGY": "GYKURS"}
PERSON_KINDS = {Role.CHILD: "Skola elev", Role.STAFF: "Skola personal"}


class Registrar:
    """Writes records; every id follows from the kind and key of what it stands for."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self._postal_codes: set[str] = set()

    def id(self, resource: str, key: str) -> str:
        """The id of a record by its key."""
        return self._mint.uuid(f"{resource}/{key}")

    def number(self, place: str) -> int:
        """A number of 64 bits that follows from the seed and a place."""
        return self._mint.number(place)

    def reference(self, resource: str, key: str) -> Record:
        """A reference as SS 12000 writes them: names are added on request only."""
        return {"id": self.id(resource, key)}

    def organisation(self, unit: Unit) -> Record:
        """A principal organiser, school or unit."""
        owner = Owner("organisations", self.id("organisations", unit.key))
        record = self.start(owner)
        record |= {
            "displayName": f"{unit.name} {self.text(owner, 'displayName')}",
            "organisationCode": self.text(owner, "organisationCode"),
            "organisationType": unit.kind,
            "schoolTypes": list(unit.school_types),
            "address": {"type": "Besöksadress"} | self._address(owner, "address"),
            "url": self._typed(owner, "url", "https://{}.example.invalid/"),
            "email": self._typed(owner, "email", "{}@example.invalid"),
            "contactInfo": [{"infoType": "Publik", "info": self.text(owner, "contactInfo.info")}],
            "startDate": "2010-07-01",
        }
        if unit.parent:
            record["parentOrganisation"] = self.reference("organisations", unit.parent)
        if unit.has_code:
            record["schoolUnitCode"] = f"{self._mint.number(owner.record) % 10_000:08}"
        return record

    def group(self, gathering: Gathering, members: Iterable[Person]) -> Record:
        """A group with its members."""
        owner = Owner("groups", self.id("groups", gathering.key))
        return self.start(owner) | {
            "displayName": f"{gathering.name} {self.text(owner, 'displayName')}",
            "startDate": TERM_START.isoformat(),
            "groupType": gathering.kind,
            "schoolType": gathering.school_type,
            "organisation": self.reference("organisations", gathering.unit),
            "groupMemberships": [
                {"person": {"id": member.id}, "startDate": TERM_START.isoformat()} for member in members
            ],
        }

    def person(
        self, person: Person, gathering: Gathering | None, adults: Iterable[tuple[str, Relation]]
    ) -> Record:
        """A person, with enrolments and the adults who are responsible, given as id and relation."""
        owner = Owner("persons", person.id, person.persona)
        record = self.start(owner) | {
            "givenName": person.given_name,
            "middleName": person.middle_name,
            "familyName": person.family_name,
            "eduPersonPrincipalNames": [person.principal_name],
            "externalIdentifiers": [self._external(owner)],
            "birthDate": person.birth_date.isoformat(),
            "sex": self._sex(person),
            "securityMarking": person.security_marking.value,
            "personStatus": "Aktiv",
            "emails": [{"value": person.email, "type": PERSON_KINDS.get(person.role, "Privat")}],
            "addresses": [{"type": "Folkbokföring"} | self._address(owner, "addresses") | {"country": "SE"}],
            "photo": self._typed(owner, "photo", "https://photo.example.invalid/{}.jpg"),
            "enrolments": [self._enrolment(owner, gathering)] if gathering else [],
            "responsibles": [{"person": {"id": id_}, "relationType": to.kind.value} for id_, to in adults],
        }
        if person.civic_no:
            record["civicNo"] = {"value": person.civic_no, "nationality": "SE"}
        if person.phone:
            record["phoneNumbers"] = [{"value": person.phone, "type": "Hem", "mobile": True}]
        return record

    def placement(
        self, child: Person, gathering: Gathering, adults: Iterable[tuple[str, Relation]]
    ) -> Record:
        """A child's place in a preschool, owned by its guardians."""
        owner = Owner("placements", self.id("placements", child.persona), child.persona)
        number = self._mint.number(owner.record)
        return self.start(owner) | {
            "placedAt": self.reference("organisations", gathering.unit),
            "group": self.reference("groups", gathering.key),
            "child": {"id": child.id},
            "owners": [{"id": id_} for id_, relation in adults if relation.kind is RelationType.GUARDIAN],
            "schoolType": gathering.school_type,
            "startDate": (TERM_START + timedelta(days=number % 60)).isoformat(),
            "reason": ("Omsorgsbehov", "Erbjuden tid", "Eget behov")[number % 3],
            "maxWeeklyScheduleHours": 15 + number % 31,
        }

    def duty(self, assignment: Assignment) -> Record:
        """Somebody's post at a unit."""
        owner = Owner("duties", self.id("duties", assignment.persona), assignment.persona)
        record = self.start(owner) | {
            "person": self.reference("persons", assignment.persona),
            "assignmentRole": [self._assignment_role(assignment, group) for group in assignment.groups],
            "dutyAt": self.reference("organisations", assignment.unit),
            "dutyRole": assignment.role,
            "description": self.text(owner, "description"),
            "signature": self.text(owner, "signature"),
            "dutyPercent": 100,
            "startDate": assignment.start.isoformat(),
        }
        return record | self._until(assignment.end)

    def activity(self, gathering: Gathering, teachers: Iterable[str]) -> Record:
        """What a group is taught, and by whom, given as personas."""
        owner = Owner("activities", self.id("activities", gathering.key))
        record = self.start(owner) | {
            "displayName": f"{gathering.name} {self.text(owner, 'displayName')}",
            "calendarEventsRequired": True,
            "activityType": "Undervisning",
            "startDate": TERM_START.isoformat(),
            "groups": [self.reference("groups", gathering.key)],
            "organisation": self.reference("organisations", gathering.unit),
            "comment": self.text(owner, "comment"),
        }
        assigned = [{"duty": self.reference("duties", teacher)} for teacher in teachers]
        return record | ({"teachers": assigned} if assigned else {})

    def room(self, key: str, unit: str) -> Record:
        """A room of a unit."""
        owner = Owner("rooms", self.id("rooms", key))
        return self.start(owner) | {
            "displayName": f"Sal {self.text(owner, 'displayName')}",
            "seats": 20 + self._mint.number(owner.record) % 15,
            "owner": self.reference("organisations", unit),
        }

    def lesson(  # noqa: PLR0913  a lesson is a place, a time and a subject
        self, key: str, activity: str, start: datetime, end: datetime, room: str, *, cancelled: bool
    ) -> Record:
        """One lesson of an activity, at times with the offset of that day."""
        owner = Owner("calendarEvents", self.id("calendarEvents", key))
        return self.start(owner) | {
            "activity": self.reference("activities", activity),
            "startTime": start.isoformat(),
            "endTime": end.isoformat(),
            "cancelled": cancelled,
            "comment": self.text(owner, "comment"),
            "rooms": [self.reference("rooms", room)],
        }

    def deleted(self, resource: str, record: Mapping[str, object]) -> Record:
        """What is left of a record: its kind, its id, and when it went."""
        written = datetime.fromisoformat(str(_meta(record)["modified"]))
        return {"resource": resource, "id": record["id"], "deleted": _stamp(written + timedelta(days=7))}

    def start(self, owner: Owner) -> Record:
        """Id and meta, which every record begins with."""
        microseconds = self._mint.number(f"{owner.record}/meta")
        created = FIRST_WRITTEN + timedelta(microseconds=microseconds % (WEEKS_OF_WRITING * 604_800_000_000))
        modified = created + timedelta(seconds=microseconds % 86_400)
        return {"id": owner.record, "meta": {"created": _stamp(created), "modified": _stamp(modified)}}

    def text(self, owner: Owner, field: str) -> str:
        """The token of a free-text field."""
        return self._mint.token(owner, field)

    def _typed(self, owner: Owner, field: str, shape: str) -> str:
        return self._mint.mark(shape.format(self._mint.nonce(f"{owner.record}/{field}")), owner, field)

    def _address(self, owner: Owner, field: str) -> Record:
        return {
            "streetAddress": self.text(owner, f"{field}.streetAddress"),
            "locality": self.text(owner, f"{field}.locality"),
            "postalCode": self._postal_code(owner),
            "realEstateDesignation": self.text(owner, f"{field}.realEstateDesignation"),
        }

    def _postal_code(self, owner: Owner) -> str:
        """No Swedish postal code begins with a zero."""
        number = self._mint.number(f"{owner.record}/postalCode")
        drawn = (f"0{(number + step) % 10_000:04}" for step in range(10_000))
        code = next(code for code in drawn if code not in self._postal_codes)
        self._postal_codes.add(code)
        return code

    def _external(self, owner: Owner) -> Record:
        value = self.text(owner, "externalIdentifiers.value")
        return {"value": value, "context": "https://example.invalid/directory", "globallyUnique": True}

    def _enrolment(self, owner: Owner, gathering: Gathering) -> Record:
        record: Record = {
            "enroledAt": self.reference("organisations", gathering.unit),
            "schoolType": gathering.school_type,
            "startDate": TERM_START.isoformat(),
            "cancelled": False,
            "specification": self.text(owner, "enrolments.specification"),
        }
        if gathering.school_year is not None:
            record["schoolYear"] = gathering.school_year
        if gathering.school_type in EDUCATION_CODES:
            record["educationCode"] = EDUCATION_CODES[gathering.school_type]
        return record

    def _assignment_role(self, assignment: Assignment, group: str) -> Record:
        return {
            "group": self.reference("groups", group),
            "assignmentRoleType": assignment.group_role,
            "startDate": assignment.start.isoformat(),
        } | self._until(assignment.end)

    @staticmethod
    def _until(end: date | None) -> Record:
        return {"endDate": end.isoformat()} if end else {}

    @staticmethod
    def _sex(person: Person) -> str:
        if person.civic_no is None:
            return "Okänt"
        return "Man" if is_male(person.civic_no) else "Kvinna"


def _meta(record: Mapping[str, object]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", record["meta"])


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
