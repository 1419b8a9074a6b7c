"""What each resource of SS 12000 takes: its filters, sort keys, expansions and the keys of its look-up."""

from collections.abc import Mapping

from kravkoll.standins.parameters import (
    Keeps,
    Parameter,
    Values,
    day,
    equals,
    moment,
    of_form,
    one_of,
    overlaps,
    read_boolean,
    read_date,
    read_limit,
    read_text,
    read_timestamp,
    read_uuid,
    refers,
    through,
    within,
)
from kravkoll.standins.records import Record, Records, reference


def _name_contains(person: Record, values: Values, _records: Records) -> bool:
    names = [str(person.get(field, "")).casefold() for field in ("givenName", "middleName", "familyName")]
    return all(any(value.casefold() in name for name in names) for value in values)


def _civic_no(person: Record, values: Values, _records: Records) -> bool:
    return person.get("civicNo", {}).get("value") in values


def _identifier(part: str) -> Keeps:
    return lambda person, values, _records: any(
        one.get(part) in values for one in person.get("externalIdentifiers", ())
    )


def _member(activity: Record, values: Values, records: Records) -> bool:
    """Whether one of these people is in a group of the activity."""
    rows = [records.get("groups", reference(group)) for group in activity.get("groups", ())]
    return any(
        reference(member.get("person")) in values
        for row in rows
        if row
        for member in row.record.get("groupMemberships", ())
    )


def _takes_part(field: str, name: str, by_activity: Keeps) -> Keeps:
    """Keep lessons that somebody has by the activity, or by an exception from it, and is not excused from."""

    def kept(lesson: Record, values: Values, records: Records) -> bool:
        told = {reference(one.get(name)): one["participates"] for one in lesson.get(field, ())}
        return any(told.get(value, _by_activity(lesson, (value,), records, by_activity)) for value in values)

    return kept


def _by_activity(lesson: Record, values: Values, records: Records, keeps: Keeps) -> bool:
    row = records.get("activities", reference(lesson.get("activity")))
    return row is not None and keeps(row.record, values, records)


def _meta(field: str, *, after: bool) -> Parameter:
    return Parameter(read_timestamp, moment(f"meta.{field}", after=after, inclusive=False))


def _dates(field: str) -> dict[str, Parameter]:
    return {
        f"{field}.onOrBefore": Parameter(read_date, day(field, after=False)),
        f"{field}.onOrAfter": Parameter(read_date, day(field, after=True)),
    }


def _times(field: str, *, required: bool = False) -> dict[str, Parameter]:
    return {
        f"{field}.onOrBefore": Parameter(read_timestamp, moment(field, after=False), required=required),
        f"{field}.onOrAfter": Parameter(read_timestamp, moment(field, after=True), required=required),
    }


def _id(keeps: Keeps, *, many: bool = False) -> Parameter:
    return Parameter(read_uuid, keeps, many=many)


_STUDENT = _takes_part("studentExceptions", "student", _member)
DATES: Mapping[str, Parameter] = {**_dates("startDate"), **_dates("endDate")}
META: Mapping[str, Parameter] = {
    "meta.created.before": _meta("created", after=False),
    "meta.created.after": _meta("created", after=True),
    "meta.modified.before": _meta("modified", after=False),
    "meta.modified.after": _meta("modified", after=True),
}
NAMES: Mapping[str, Parameter] = {"expandReferenceNames": Parameter(read_boolean)}
PAGES: Mapping[str, Parameter] = {"limit": Parameter(read_limit), "pageToken": Parameter(read_text)}
_RELATION_KINDS = (
    "enrolment", "duty", "placement.child", "placement.owner", "responsibleFor.enrolment",
    "responsibleFor.placement", "groupMembership",
)  # fmt: skip

EXPANSIONS: Mapping[str, tuple[str, ...]] = {
    "persons": ("duties", "responsibleFor", "placements", "ownedPlacements", "groupMemberships"),
    "placements": ("child", "owners"),
    "groups": ("assignmentRoles",),
    "duties": ("person",),
    "activities": ("groups", "teachers", "syllabus"),
    "calendarEvents": ("activity", "attendance"),
    "attendanceEvents": ("person", "group", "registeredBy"),
    "aggregatedAttendance": ("activity", "student"),
}
_MODIFIED = {"ModifiedDesc": ("meta.modified", True)}
_NAMED = {"DisplayNameAsc": ("displayName", False)}
_STARTED = {"StartDateAsc": ("startDate", False), "StartDateDesc": ("startDate", True)}
_ENDED = {"EndDateAsc": ("endDate", False), "EndDateDesc": ("endDate", True)}
_TIMED = {"StartTimeAsc": ("startTime", False), "StartTimeDesc": ("startTime", True)}
SORT_KEYS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "organisations": _MODIFIED | _NAMED,
    "persons": {
        "DisplayNameAsc": ("givenName familyName", False),
        "GivenNameDesc": ("givenName", True),
        "GivenNameAsc": ("givenName", False),
        "FamilyNameDesc": ("familyName", True),
        "FamilyNameAsc": ("familyName", False),
        "CivicNoAsc": ("civicNo.value", False),
        "CivicNoDesc": ("civicNo.value", True),
        **_MODIFIED,
    },
    "placements": _STARTED | _ENDED | _MODIFIED,
    "groups": _MODIFIED | _NAMED | _STARTED | _ENDED,
    "duties": _STARTED | _MODIFIED,
    "programmes": {"NameAsc": ("name", False), "CodeAsc": ("code", False), **_MODIFIED},
    "studyplans": _MODIFIED | _STARTED | _ENDED,
    "syllabuses": {
        **_MODIFIED,
        **{
            f"{field[0].upper()}{field[1:]}{way}": (field, way == "Desc")
            for field in ("subjectName", "subjectCode", "courseName", "courseCode", "subjectDesignation")
            for way in ("Asc", "Desc")
        },
    },
    "schoolUnitOfferings": _MODIFIED | _STARTED | _ENDED,
    "activities": _MODIFIED | _NAMED,
    "calendarEvents": _MODIFIED | _TIMED,
    "absences": _MODIFIED | _TIMED,
    "grades": {
        "registeredDateAsc": ("registeredDate", False),
        "registeredDateDesc": ("registeredDate", True),
        **_MODIFIED,
    },
    "resources": _MODIFIED | _NAMED,
    "rooms": _MODIFIED | _NAMED,
}
"""Sort key -> field (two fields with a space between make a full name), and whether it descends."""

_OWN: Mapping[str, Mapping[str, Parameter]] = {
    "organisations": {
        "parent": _id(refers("parentOrganisation"), many=True),
        "schoolUnitCode": Parameter(read_text, equals("schoolUnitCode"), many=True),
        "organisationCode": Parameter(read_text, equals("organisationCode"), many=True),
        "municipalityCode": Parameter(read_text, equals("municipalityCode")),
        "type": Parameter(read_text, equals("organisationType"), many=True),
        "schoolTypes": Parameter(read_text, overlaps("schoolTypes"), many=True),
        **DATES,
    },
    "persons": {
        "nameContains": Parameter(read_text, _name_contains, many=True),
        "civicNo": Parameter(read_text, _civic_no),
        "eduPersonPrincipalName": Parameter(read_text, overlaps("eduPersonPrincipalNames")),
        "identifier.value": Parameter(read_text, _identifier("value")),
        "identifier.context": Parameter(read_text, _identifier("context")),
        "relationship.entity.type": Parameter(one_of(*_RELATION_KINDS)),
        "relationship.organisation": Parameter(read_uuid),
        **{f"relationship.{name}": Parameter(read_date) for name in DATES},
    },
    "placements": {
        "organisation": _id(refers("placedAt")),
        "group": _id(refers("group")),
        "child": _id(refers("child")),
        "owner": _id(refers("owners")),
        **DATES,
    },
    "groups": {
        "groupType": Parameter(read_text, equals("groupType"), many=True),
        "schoolTypes": Parameter(read_text, equals("schoolType"), many=True),
        "organisation": _id(refers("organisation"), many=True),
        **DATES,
    },
    "duties": {
        "organisation": _id(refers("dutyAt")),
        "dutyRole": Parameter(read_text, equals("dutyRole")),
        "person": _id(refers("person")),
        **DATES,
    },
    "programmes": {
        "schoolType": Parameter(read_text, equals("schoolType"), many=True),
        "code": Parameter(read_text, equals("code")),
        "parentProgramme": Parameter(read_text, refers("parentProgramme")),
    },
    "syllabuses": {},
    "schoolUnitOfferings": {"organisation": _id(refers("offeredAt"))},
    "studyplans": {"student": _id(refers("student"), many=True), **DATES},
    "activities": {
        "member": _id(_member),
        "teacher": _id(within("teachers", "duty")),
        "organisation": _id(refers("organisation")),
        "group": _id(refers("groups")),
        **DATES,
    },
    "rooms": {"organisation": _id(refers("owner"))},
    "resources": {"organisation": _id(refers("owner"))},
    "calendarEvents": {
        **_times("startTime", required=True),
        **_times("endTime"),
        "activity": _id(refers("activity")),
        "student": _id(_STUDENT),
        "teacher": _id(_takes_part("teacherExceptions", "duty", within("teachers", "duty"))),
        "organisation": _id(through("activity", "activities", refers("organisation"))),
        "group": _id(through("activity", "activities", refers("groups"))),
    },
    "attendances": {
        "student": _id(refers("student")),
        "organisation": _id(
            through(
                "calendarEvent", "calendarEvents", through("activity", "activities", refers("organisation"))
            )
        ),
        "calendarEvent": _id(refers("calendarEvent")),
    },
    "attendanceEvents": {"group": _id(refers("group"), many=True), "person": _id(refers("person"))},
    "attendanceSchedule": {
        "placement": _id(refers("placement")),
        "group": _id(through("placement", "placements", refers("group"))),
        **DATES,
    },
    "absences": {
        "organisation": _id(refers("organisation")),
        "student": _id(refers("student")),
        "registeredBy": _id(refers("registeredBy")),
        "type": Parameter(one_of("Beviljad ledighet", "Anmäld frånvaro"), equals("type")),
        **_times("startTime"),
        **_times("endTime"),
    },
    "grades": {
        "organisation": _id(refers("organisation")),
        "student": _id(refers("student")),
        "registeredBy": _id(refers("registeredBy")),
        "gradingTeacher": _id(refers("gradingTeacher")),
        **_dates("registeredDate"),
    },
    "aggregatedAttendance": {
        "startDate": Parameter(read_date, day("startDate", after=True), required=True),
        "endDate": Parameter(read_date, day("endDate", after=False), required=True),
        "organisation": _id(through("activity", "activities", refers("organisation"))),
        "schoolType": Parameter(read_text, of_form("aggregatedAttendance"), many=True),
        "student": _id(refers("student"), many=True),
    },
}


def _shape(resource: str) -> dict[str, Parameter]:
    sorts, expands = SORT_KEYS.get(resource), EXPANSIONS.get(resource)
    return {
        **({} if resource == "aggregatedAttendance" else META),
        **NAMES,
        **({"sortkey": Parameter(one_of(*sorts))} if sorts else {}),
        **({"expand": Parameter(one_of(*expands), many=True)} if expands else {}),
        **PAGES,
    }


PARAMETERS: Mapping[str, Mapping[str, Parameter]] = {
    resource: {**own, **_shape(resource)} for resource, own in _OWN.items()
} | {
    "deletedEntities": {
        "after": Parameter(read_timestamp),
        "entities": Parameter(read_text, many=True),
        **PAGES,
    },
    "subscriptions": PAGES,
}

_LOOKUPS: Mapping[str, Mapping[str, Keeps]] = {
    "organisations": {
        "schoolUnitCodes": equals("schoolUnitCode"),
        "organisationCodes": equals("organisationCode"),
    },
    "persons": {"civicNos": _civic_no},
    "placements": {"personIds": refers("child")},
    "activities": {"teachers": within("teachers", "duty"), "members": _member},
    "calendarEvents": {"activities": refers("activity"), "student": _STUDENT},
    "attendances": {
        "activities": through("calendarEvent", "calendarEvents", refers("activity")),
        "students": refers("student"),
    },
    "attendanceEvents": {"person": refers("person"), "group": refers("group")},
    "attendanceSchedule": {"placement": refers("placement")},
}
LOOKUP_KEYS: Mapping[str, Mapping[str, Keeps]] = {
    resource: {"ids": equals("id"), **_LOOKUPS.get(resource, {})}
    for resource in _OWN
    if resource not in {"studyplans", "aggregatedAttendance"}
}
"""Resource -> key of the body -> what it keeps. Two resources have no look-up in the standard."""
TEXT_KEYS = ("schoolUnitCodes", "organisationCodes", "civicNos")
"""Look-up keys whose values are no ids."""
ONLY_LISTED = ("aggregatedAttendance",)
"""Resources without an address for each record."""
