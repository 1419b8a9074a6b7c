"""Who plays: units, groups, the parts that checks name, and the many others that make lists long."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from kravkoll.cast.people import NumberKind, Part, Role, SecurityMarking
from kravkoll.cast.relations import Relation, RelationType

PRESCHOOL_AGE = (2021, 2023)
"""The list of test numbers ends with 2023."""
THIRD_YEAR, FIFTH_YEAR, NINTH_YEAR = (2017, 2017), (2015, 2015), (2011, 2011)
UPPER_SECONDARY_AGE = (2009, 2010)
ADULT = (1976, 1999)


@dataclass(frozen=True, slots=True)
class Unit:
    """A principal organiser, a school, or a unit of one; `parent` and `key` are keys of this list."""

    key: str
    name: str
    kind: str
    parent: str | None = None
    school_types: tuple[str, ...] = ()
    has_code: bool = False
    """Only schools stand in the school unit register; preschools have no school unit code."""
    tenant: str = "city"


@dataclass(frozen=True, slots=True)
class Gathering:
    """A group: a preschool department, a class or a teaching group."""

    key: str
    name: str
    kind: str
    unit: str
    school_type: str
    school_year: int | None = None
    drawn_from: str | None = None
    """The class whose pupils are its members, for teaching groups."""
    tenant: str = "city"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One person's duty at one unit, with the groups it covers."""

    persona: str
    unit: str
    role: str
    groups: tuple[str, ...] = ()
    group_role: str = "Förskollärare"
    start: date = date(2024, 8, 12)
    end: date | None = None
    tenant: str = "city"


def _school(key: str, name: str, types: tuple[str, ...], parent: str, tenant: str) -> tuple[Unit, Unit]:
    """A school and the one unit in it, at which children are placed and enrolled."""
    in_register = types != ("FS",)
    return (
        Unit(f"{key}-school", name, "Skola", parent, types, tenant=tenant),
        Unit(key, f"{name} enhet", "Skolenhet", f"{key}-school", types, in_register, tenant),
    )


UNITS = (
    Unit("organiser", "Exempelstaden", "Huvudman"),
    Unit("preschools", "Förskolorna", "Verksamhetsområde", "organiser", ("FS",)),
    *_school("preschool-1", "Förskolan Lingonet", ("FS",), "preschools", "city"),
    *_school("preschool-2", "Förskolan Blåbäret", ("FS",), "preschools", "city"),
    *_school("compulsory-1", "Tallskolan", ("FKLASS", "FTH", "GR"), "organiser", "city"),
    *_school("compulsory-2", "Granskolan", ("FTH", "GR"), "organiser", "city"),
    *_school("upper-1", "Ekgymnasiet", ("GY",), "organiser", "city"),
    *_school("adult-1", "Vuxenskolan", ("VUXGR", "VUXGY"), "organiser", "city"),
    Unit("organiser-2", "Grannstaden", "Huvudman", tenant="neighbour"),
    *_school("preschool-n", "Förskolan Hallonet", ("FS",), "organiser-2", "neighbour"),
)

PRESCHOOL_GROUPS = tuple(
    Gathering(
        f"preschool-{school}-{letter}",
        f"Avdelning {letter.upper()}",
        "Avdelning",
        f"preschool-{school}",
        "FS",
    )
    for school in (1, 2)
    for letter in "abc"
)
CLASSES = (
    Gathering("compulsory-1-3a", "3A", "Klass", "compulsory-1", "GR", 3),
    Gathering("compulsory-1-5b", "5B", "Klass", "compulsory-1", "GR", 5),
    Gathering("compulsory-2-9c", "9C", "Klass", "compulsory-2", "GR", 9),
    Gathering("upper-1-te2", "TE2", "Klass", "upper-1", "GY", 2),
    Gathering("adult-1-sv1", "Svenska 1", "Undervisning", "adult-1", "VUXGY"),
)
GROUPS = (
    *PRESCHOOL_GROUPS,
    *CLASSES,
    Gathering(
        "compulsory-1-3a-music", "Musik 3A", "Undervisning", "compulsory-1", "GR", None, "compulsory-1-3a"
    ),
    Gathering(
        "compulsory-1-5b-music", "Musik 5B", "Undervisning", "compulsory-1", "GR", None, "compulsory-1-5b"
    ),
    Gathering("preschool-n-a", "Avdelning N", "Avdelning", "preschool-n", "FS", tenant="neighbour"),
)

FORMER_GROUPS = (Gathering("preschool-1-old", "Avdelning Gammal", "Avdelning", "preschool-1", "FS"),)


def _child(persona: str, group: str, born: tuple[int, int] = PRESCHOOL_AGE, **more: object) -> Part:
    unit = next(gathering.unit for gathering in GROUPS if gathering.key == group)
    return Part(persona, Role.CHILD, born, unit, group, **more)  # type: ignore[arg-type] # passed on as given


def _adult(persona: str, role: Role = Role.GUARDIAN, unit: str | None = None, **more: object) -> Part:
    return Part(persona, role, ADULT, unit, **more)  # type: ignore[arg-type] # passed on as given


def named_parts(as_of: date) -> tuple[Part, ...]:
    """The parts that checks name. The order gives the first of them the few fictitious phone numbers."""
    confidential, hidden = SecurityMarking.CONFIDENTIAL, SecurityMarking.PROTECTED
    return (
        _child("pupil-18", "upper-1-te2", turns_18=as_of),
        _child("child-a1", "preschool-1-a"),
        _child("child-a2", "compulsory-1-3a", THIRD_YEAR),
        _child("child-b1", "preschool-1-b"),
        _child("child-p1", "preschool-1-b", marking=confidential),
        _child("child-p2", "compulsory-1-3a", THIRD_YEAR, marking=hidden),
        _child("child-g1", "preschool-1-c"),
        _child("coordination-number", "compulsory-1-5b", FIFTH_YEAR, number=NumberKind.COORDINATION),
        _child("no-number", "preschool-2-a", number=NumberKind.NONE),
        _child("same-name-1", "compulsory-1-5b", FIFTH_YEAR, shares_name="same-name"),
        _child("same-name-2", "compulsory-1-5b", FIFTH_YEAR, shares_name="same-name"),
        _child("fingerad-new", "compulsory-2-9c", NINTH_YEAR, marking=hidden),
        Part("adult-student", Role.CHILD, ADULT, "adult-1", "adult-1-sv1"),
        *(_adult(f"guardian-{letter}") for letter in ("a", "b", "g1")),
        _adult("guardian-g2", marking=hidden),
        _adult("guardian-p1", marking=confidential),
        _adult("guardian-p2", marking=hidden),
        *(_adult(f"guardian-{letter}") for letter in ("18", "c", "n", "s1", "s2")),
        _adult("contact-person", Role.CONTACT),
        _adult("teacher-x", Role.STAFF, "preschool-1"),
        _adult("teacher-y", Role.STAFF, "preschool-2"),
        _adult("teacher-z", Role.STAFF, "compulsory-1"),
        _adult("teacher-protected", Role.STAFF, "preschool-1", marking=confidential),
        _adult("principal", Role.STAFF, "preschool-1"),
        _adult("substitute", Role.STAFF, "preschool-1"),
        _adult("ex-employee", Role.STAFF, "preschool-1"),
        _adult("vendor-support", Role.SUPPLIER, number=NumberKind.NONE),
        _adult("third-party-app", Role.CLIENT, number=NumberKind.NONE),
        _child("second-tenant-child", "preschool-n-a", tenant="neighbour"),
        _adult("second-tenant-guardian", tenant="neighbour"),
        _adult("second-tenant-teacher", Role.STAFF, "preschool-n", tenant="neighbour"),
    )


FORMER = (
    _child("fingerad-old", "compulsory-1-5b", NINTH_YEAR),
    _child("former-1", "preschool-1-a"),
    _child("former-2", "preschool-2-b"),
)
"""Those whose records are gone; what is left of them is an id among the deleted entities."""

RELATIONS = (
    Relation("child-a1", "guardian-a"),
    Relation("child-a2", "guardian-a"),
    Relation("child-b1", "guardian-b"),
    Relation("child-g1", "guardian-g1"),
    Relation("child-g1", "guardian-g2"),
    Relation("child-p1", "guardian-p1"),
    Relation("child-p2", "guardian-p2"),
    Relation("pupil-18", "guardian-18"),
    Relation("coordination-number", "guardian-c"),
    Relation("no-number", "guardian-n"),
    Relation("same-name-1", "guardian-s1"),
    Relation("same-name-2", "guardian-s2"),
    Relation("child-a1", "contact-person", RelationType.OTHER),
    Relation("second-tenant-child", "second-tenant-guardian"),
)

BACKGROUND = (
    *((group.key, PRESCHOOL_AGE, 10) for group in PRESCHOOL_GROUPS),
    ("compulsory-1-3a", THIRD_YEAR, 15),
    ("compulsory-1-5b", FIFTH_YEAR, 15),
    ("compulsory-2-9c", NINTH_YEAR, 15),
    ("upper-1-te2", UPPER_SECONDARY_AGE, 12),
    ("adult-1-sv1", ADULT, 5),
)
"""Group, years of birth and how many: 60 in preschool and 62 others."""


def background_parts() -> Iterator[tuple[Part, Part | None]]:
    """Each of the many children, with one guardian; adults have none."""
    for group, born, count in BACKGROUND:
        for number in range(1, count + 1):
            child = _child(f"{group}-{number:02}", group, born)
            yield child, None if born == ADULT else _adult(f"{group}-{number:02}-guardian")


def assignments(as_of: date) -> tuple[Assignment, ...]:
    """Who works where; the substitute until a few weeks from now, the ex-employee no longer."""
    carer = "Barnskötare"
    return (
        Assignment("teacher-x", "preschool-1", "Förskollärare", ("preschool-1-a", "preschool-1-b")),
        Assignment(
            "teacher-y", "preschool-2", "Förskollärare", ("preschool-2-a", "preschool-2-b", "preschool-2-c")
        ),
        Assignment("teacher-z", "compulsory-1", "Lärare", ("compulsory-1-3a", "compulsory-1-5b"), "Mentor"),
        Assignment("teacher-protected", "preschool-1", "Förskollärare", ("preschool-1-c",)),
        Assignment("principal", "preschool-1", "Rektor"),
        Assignment(
            "substitute",
            "preschool-1",
            carer,
            ("preschool-1-a",),
            carer,
            as_of.replace(day=1),
            _weeks_after(as_of),
        ),
        Assignment(
            "ex-employee", "preschool-1", carer, ("preschool-1-a",), carer, end=date(as_of.year - 1, 12, 31)
        ),
        Assignment(
            "second-tenant-teacher", "preschool-n", "Förskollärare", ("preschool-n-a",), tenant="neighbour"
        ),
    )


def _weeks_after(day: date, weeks: int = 4) -> date:
    return date.fromordinal(day.toordinal() + 7 * weeks)
