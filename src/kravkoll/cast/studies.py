"""What pupils study: programmes, syllabuses, what units offer, study plans and grades."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from kravkoll.cast.canaries import Owner
from kravkoll.cast.people import Person
from kravkoll.cast.population import Gathering
from kravkoll.cast.records import TERM_START, Record, Registrar

GRADED = date(2026, 6, 10)
GRADES = ("A", "B", "C", "D", "E", "F")
GRADING_TEACHER = "teacher-z"


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject or a course of a school form."""

    key: str
    name: str
    code: str
    school_type: str
    unit: str
    course: str = ""


SUBJECTS = (
    Subject("gr-sv", "Svenska", "GRGRSVE01", "GR", "compulsory-1"),
    Subject("gr-mu", "Musik", "GRGRMUS01", "GR", "compulsory-1"),
    Subject("gr-ma", "Matematik", "GRGRMAT01", "GR", "compulsory-2"),
    Subject("gy-ma", "Matematik", "MAT", "GY", "upper-1", "MATMAT02C"),
    Subject("vux-sv", "Svenska", "SVE", "VUXGY", "adult-1", "SVESVE01"),
)
BY_FORM = {subject.school_type: subject for subject in reversed(SUBJECTS)}
STUDY_PLANNED = frozenset({"GY", "VUXGY"})
GRADED_YEARS = frozenset({9, 2})
"""School years whose pupils have grades here: the ninth, and the second of upper secondary."""


def studies(
    registrar: Registrar, pupils: Iterable[tuple[Person, Gathering]]
) -> Mapping[str, tuple[Record, ...]]:
    """Records of education, and of the pupils in their classes."""
    known = list(pupils)
    units = dict.fromkeys(subject.unit for subject in SUBJECTS)
    return {
        "programmes": (_programme(registrar),),
        "syllabuses": tuple(_syllabus(registrar, subject) for subject in SUBJECTS),
        "schoolUnitOfferings": tuple(_offering(registrar, unit) for unit in units),
        "studyplans": tuple(
            _study_plan(registrar, person, group)
            for person, group in known
            if group.school_type in STUDY_PLANNED
        ),
        "grades": tuple(
            _grade(registrar, person, group) for person, group in known if group.school_year in GRADED_YEARS
        ),
    }


def _programme(registrar: Registrar) -> Record:
    owner = Owner("programmes", registrar.id("programmes", "te"))
    return registrar.start(owner) | {
        "name": f"Teknikprogrammet {registrar.text(owner, 'name')}",
        "type": "Högskoleförberedande program",
        "schoolType": "GY",
        "code": "TE",
        "content": [
            {
                "type": "Gymnasiegemensamma",
                "points": 100,
                "content": [registrar.reference("syllabuses", BY_FORM["GY"].key)],
            }
        ],
    }


def _syllabus(registrar: Registrar, subject: Subject) -> Record:
    owner = Owner("syllabuses", registrar.id("syllabuses", subject.key))
    record = registrar.start(owner) | {
        "schoolType": subject.school_type,
        "subjectCode": subject.code,
        "subjectName": f"{subject.name} {registrar.text(owner, 'subjectName')}",
        "official": True,
    }
    if subject.course:
        record |= {
            "courseCode": subject.course,
            "courseName": f"{subject.name} {registrar.text(owner, 'courseName')}",
            "points": 100,
        }
    return record


def _offering(registrar: Registrar, unit: str) -> Record:
    """The standard gives it neither id nor meta."""
    offered = [registrar.reference("syllabuses", one.key) for one in SUBJECTS if one.unit == unit]
    record: Record = {
        "offeredAt": registrar.reference("organisations", unit),
        "offeredSyllabuses": offered,
        "startDate": TERM_START.isoformat(),
    }
    return record | (
        {"offeredProgrammes": [registrar.reference("programmes", "te")]} if unit == "upper-1" else {}
    )


def _study_plan(registrar: Registrar, person: Person, group: Gathering) -> Record:
    owner = Owner("studyplans", registrar.id("studyplans", person.persona), person.persona)
    subject = BY_FORM[group.school_type]
    return registrar.start(owner) | {
        "student": {"id": person.id},
        "startDate": TERM_START.isoformat(),
        "content": [
            {
                "title": registrar.text(owner, "content.title"),
                "points": 100,
                "syllabuses": [{"syllabus": registrar.reference("syllabuses", subject.key)}],
            }
        ],
        "notes": [{"type": "Anteckningar", "note": registrar.text(owner, "notes.note")}],
    }


def _grade(registrar: Registrar, person: Person, group: Gathering) -> Record:
    owner = Owner("grades", registrar.id("grades", person.persona), person.persona)
    teacher = registrar.reference("persons", GRADING_TEACHER)
    return registrar.start(owner) | {
        "student": {"id": person.id},
        "organisation": registrar.reference("organisations", group.unit),
        "registeredBy": teacher,
        "gradingTeacher": teacher,
        "group": registrar.reference("groups", group.key),
        "registeredDate": GRADED.isoformat(),
        "gradeValue": GRADES[registrar.number(owner.record) % len(GRADES)],
        "finalGrade": False,
        "adaptedStudyPlan": registrar.text(owner, "adaptedStudyPlan"),
        "remark": registrar.text(owner, "remark"),
        "semester": "VT",
        "year": GRADED.year,
        "syllabus": registrar.reference("syllabuses", BY_FORM[group.school_type].key),
    }
