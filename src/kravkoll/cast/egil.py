"""The cast as EGIL has it: SS 12000:2018, the SCIM 2.0 profile by which Swedish schools provision accounts.

The shapes are those of the published EGIL client and server of Sambruk: one object of SCIM for each
organisation, school unit, user, employment, group and activity, with `externalId` as its id. EGIL knows
students and staff only, and school units with a code of the school unit register only: what it has no place
for is named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kravkoll.cast.people import SecurityMarking
from kravkoll.cast.selection import Selected

SCHOOL = "urn:scim:schemas:extension:sis:school:1.0"
CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"

type Scim = dict[str, Any]
type Found = Mapping[str, Mapping[str, Any]]
"""Records by id."""


@dataclass(frozen=True, slots=True)
class Converted:
    """Objects by endpoint, in the order in which they are sent, and what was left out."""

    objects: Mapping[str, tuple[Scim, ...]]
    left_out: tuple[str, ...]


def convert(selected: Selected) -> Converted:
    """Every record that EGIL has a place for."""
    by_id = {
        resource: {str(one["id"]): one for one in records if "id" in one}
        for resource, records in selected.items()
    }
    writer = _Writer(by_id, frozenset(_units(by_id.get("organisations", {}))))
    objects = {
        "Organisations": tuple(writer.organisations()),
        "SchoolUnitGroups": tuple(writer.school_unit_groups()),
        "SchoolUnits": tuple(writer.school_units()),
        "Users": (*writer.students(), *writer.teachers()),
        "Employments": tuple(writer.employments()),
        "StudentGroups": tuple(writer.student_groups()),
        "Activities": tuple(writer.activities()),
    }
    return Converted(
        {name: found for name, found in objects.items() if found}, tuple(writer.left_out(objects))
    )


def _units(organisations: Found) -> Iterator[str]:
    for identity, one in organisations.items():
        if one.get("organisationType") == "Skolenhet" and one.get("schoolUnitCode"):
            yield identity


@dataclass(frozen=True, slots=True)
class _Writer:
    """One conversion. `units` are the school units that have a code."""

    found: Mapping[str, Found]
    units: frozenset[str]

    def _all(self, resource: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        yield from self.found.get(resource, {}).items()

    def organisations(self) -> Iterator[Scim]:
        for identity, one in self._all("organisations"):
            if one.get("organisationType") == "Huvudman":
                yield _object("Organisation", identity, one)

    def school_unit_groups(self) -> Iterator[Scim]:
        """Schools that have some unit in the register."""
        schools = {_ref(self.found["organisations"][unit], "parentOrganisation") for unit in self.units}
        for identity, one in self._all("organisations"):
            if identity in schools and one.get("organisationType") == "Skola":
                yield _object("SchoolUnitGroup", identity, one)

    def school_units(self) -> Iterator[Scim]:
        organiser = next((o["externalId"] for o in self.organisations()), "")
        for identity, one in self._all("organisations"):
            if identity in self.units:
                parent = _ref(one, "parentOrganisation")
                yield _object("SchoolUnit", identity, one) | {
                    "schoolUnitCode": one["schoolUnitCode"],
                    "schoolTypes": one.get("schoolTypes", []),
                    "organisation": _reference("Organisations", organiser),
                    "schoolUnitGroup": _reference("SchoolUnitGroups", parent),
                }

    def students(self) -> Iterator[Scim]:
        for identity, one in self._all("persons"):
            enrolments = [e for e in one.get("enrolments", ()) if _ref(e, "enroledAt") in self.units]
            if enrolments:
                yield self._user(identity, one, [_enrolment(e) for e in enrolments])

    def teachers(self) -> Iterator[Scim]:
        staff = {_ref(duty, "person") for _, duty in self._duties()}
        for identity, one in self._all("persons"):
            if identity in staff:
                yield self._user(identity, one, [])

    def _user(self, identity: str, one: Mapping[str, Any], enrolments: list[Scim]) -> Scim:
        extension: Scim = {"enrolments": enrolments} if enrolments else {}
        if "securityMarking" in one:
            extension["securityMarking"] = one["securityMarking"] != SecurityMarking.NONE.value
        if one.get("civicNo"):
            extension["civicNo"] = one["civicNo"]["value"]
        given, family = str(one.get("givenName", "")), str(one.get("familyName", ""))
        return {
            "schemas": [CORE_USER, f"{SCHOOL}:User"],
            "externalId": identity,
            "userName": next(iter(one.get("eduPersonPrincipalNames", ())), identity),
            "displayName": f"{given} {family}".strip(),
            "name": {"givenName": given, "familyName": family},
            "emails": [{"value": mail["value"]} for mail in one.get("emails", ())],
            f"{SCHOOL}:User": extension,
        }

    def employments(self) -> Iterator[Scim]:
        for identity, duty in self._duties():
            yield {
                "schemas": [f"{SCHOOL}:Employment"],
                "externalId": identity,
                "employedAt": _reference("SchoolUnits", _ref(duty, "dutyAt")),
                "user": _reference("Users", _ref(duty, "person")),
                "employmentRole": duty.get("dutyRole", ""),
                "signature": duty.get("signature", ""),
            }

    def _duties(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        people = self.found.get("persons", {})
        for identity, duty in self._all("duties"):
            if _ref(duty, "dutyAt") in self.units and _ref(duty, "person") in people:
                yield identity, duty

    def student_groups(self) -> Iterator[Scim]:
        students = {user["externalId"] for user in self.students()}
        for identity, one in self._all("groups"):
            unit = _ref(one, "organisation")
            if unit in self.units:
                members = [_ref(member, "person") for member in one.get("groupMemberships", ())]
                yield _object("StudentGroup", identity, one) | {
                    "owner": _reference("SchoolUnits", unit),
                    "studentGroupType": one.get("groupType", ""),
                    "schoolType": one.get("schoolType", ""),
                    "studentMemberships": [_reference("Users", m) for m in members if m in students],
                }

    def activities(self) -> Iterator[Scim]:
        groups = {group["externalId"] for group in self.student_groups()}
        duties = {identity for identity, _ in self._duties()}
        for identity, one in self._all("activities"):
            own = [group["id"] for group in one.get("groups", ()) if group.get("id") in groups]
            unit = _ref(one, "organisation")
            if own and unit in self.units:
                taught = [_ref(teacher, "duty") for teacher in one.get("teachers", ())]
                yield _object("Activity", identity, one) | {
                    "owner": _reference("SchoolUnits", unit),
                    "groups": [_reference("StudentGroups", group) for group in own],
                    "teachers": [_reference("Employments", duty) for duty in taught if duty in duties],
                }

    def left_out(self, objects: Mapping[str, tuple[Scim, ...]]) -> Iterator[str]:
        """Each kind of record that EGIL has no place for, with how many."""
        written = {one["externalId"] for found in objects.values() for one in found}
        for resource, found in self.found.items():
            lacking = len(set(found) - written)
            if lacking:
                yield f"{resource}: {lacking}"


def _object(kind: str, identity: str, one: Mapping[str, Any]) -> Scim:
    return {
        "schemas": [f"{SCHOOL}:{kind}"],
        "externalId": identity,
        "displayName": one.get("displayName", ""),
    }


def _enrolment(enrolment: Mapping[str, Any]) -> Scim:
    made = _reference("SchoolUnits", _ref(enrolment, "enroledAt"))
    names = {"schoolYear": "schoolYear", "schoolType": "schoolType", "educationCode": "programCode"}
    return made | {theirs: enrolment[ours] for ours, theirs in names.items() if ours in enrolment}


def _reference(endpoint: str, identity: str) -> Scim:
    return {"value": identity, "$ref": f"{endpoint}/{identity}"}


def _ref(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return str(value.get("id", "")) if isinstance(value, dict) else ""
