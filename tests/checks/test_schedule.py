"""One person's lessons in two systems: the same, or how they differ."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kravkoll.checks.schedule import Difference, differences, outdated, schedule_findings

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@dataclass(frozen=True)
class Lesson:
    id: str = "1"
    start: datetime = datetime(2026, 11, 23, 8, 20, tzinfo=STOCKHOLM)
    end: datetime = datetime(2026, 11, 23, 9, 20, tzinfo=STOCKHOLM)
    activity: frozenset[str] = frozenset({"a1", "Musik 3A"})
    rooms: tuple[frozenset[str], ...] | None = (frozenset({"r1", "Sal 1"}),)
    teachers: tuple[frozenset[str], ...] | None = (frozenset({"d1", "ABC"}),)
    cancelled: bool = False


HELD = Lesson()
OTHER = Lesson("9", activity=frozenset({"a9", "Slöjd"}), rooms=(frozenset({"r2", "Sal 2"}),))


def moved(lesson: Lesson, **by: float) -> Lesson:
    return replace(lesson, start=lesson.start + timedelta(**by), end=lesson.end + timedelta(**by))


def named(lesson: Lesson, **changes: object) -> Lesson:
    """As a page shows it: by names, with an id of its own or none."""
    page = replace(
        lesson,
        id="",
        activity=frozenset({"Musik 3A"}),
        rooms=(frozenset({"Sal 1"}),),
        teachers=(frozenset({"ABC"}),),
    )
    return replace(page, **changes)  # type: ignore[arg-type]


def codes(source: Iterable[Lesson], shown: Iterable[Lesson]) -> list[str]:
    lessons = list(source)
    return [one.code for one in differences(lessons, list(shown), [*lessons, OTHER])]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([HELD], []),
        ([named(HELD)], []),
        ([replace(HELD, start=HELD.start.astimezone(ZoneInfo("UTC")))], []),
        ([named(HELD, rooms=None, teachers=None)], []),
        ([named(HELD, teachers=(frozenset({"A. Bengtsson"}),))], []),
        ([], ["FLO-SCD.missing"]),
        ([HELD, replace(HELD, id="2", activity=frozenset({"new"}))], ["FLO-SCD.extra"]),
        ([HELD, OTHER], ["FLO-SCD.others"]),
        ([HELD, replace(OTHER, id="", activity=frozenset({"Slöjd"}))], ["FLO-SCD.others"]),
        ([moved(HELD, hours=1)], ["FLO-SCD.shifted"]),
        ([moved(named(HELD), hours=-2)], ["FLO-SCD.shifted"]),
        ([moved(HELD, minutes=20)], ["FLO-SCD.changed"]),
        ([moved(HELD, days=1)], ["FLO-SCD.changed"]),
        ([replace(HELD, end=HELD.end + timedelta(hours=1))], ["FLO-SCD.changed"]),
        ([replace(HELD, rooms=(frozenset({"r2"}),))], ["FLO-SCD.changed"]),
        ([replace(HELD, rooms=())], ["FLO-SCD.changed"]),
        ([replace(HELD, teachers=(frozenset({"d1"}), frozenset({"r2"})))], ["FLO-SCD.changed"]),
        ([named(HELD, activity=frozenset({"Slöjd"}))], ["FLO-SCD.changed"]),
        ([replace(HELD, cancelled=True)], ["FLO-SCD.changed"]),
        ([HELD, named(HELD)], ["FLO-SCD.extra"]),
    ],
)
def test_a_lesson_that_is_held(shown: list[Lesson], expected: list[str]) -> None:
    assert codes([HELD], shown) == expected


@pytest.mark.parametrize(
    ("shown", "expected"),
    [([], []), ([replace(HELD, cancelled=True)], []), ([HELD], ["FLO-SCD.cancelled"])],
)
def test_a_lesson_that_is_cancelled(shown: list[Lesson], expected: list[str]) -> None:
    assert codes([replace(HELD, cancelled=True)], shown) == expected


def test_a_replaced_lesson_takes_the_room_of_a_cancelled_one() -> None:
    instead = replace(OTHER, id="2")
    source = [replace(HELD, cancelled=True), instead]
    assert codes(source, [named(HELD, activity=frozenset({"Slöjd"}), rooms=None)]) == []


def test_the_same_hour_on_both_sides_of_the_change_of_clocks() -> None:
    summer = Lesson(
        "1", datetime(2026, 10, 23, 8, tzinfo=STOCKHOLM), datetime(2026, 10, 23, 9, tzinfo=STOCKHOLM)
    )
    winter = Lesson(
        "2", datetime(2026, 10, 26, 8, tzinfo=STOCKHOLM), datetime(2026, 10, 26, 9, tzinfo=STOCKHOLM)
    )
    assert codes([summer, winter], [summer, winter]) == []
    assert codes([summer, winter], [moved(summer, hours=-1), winter]) == ["FLO-SCD.shifted"]
    as_page = [named(summer), named(winter)]
    assert codes([summer, winter], as_page) == []


def test_a_day_of_equal_lessons_that_are_shifted() -> None:
    """Each lesson stands where the one before it should be: it is a shift, not a swap."""
    day = [moved(replace(HELD, id=str(hour)), hours=hour) for hour in range(3)]
    shown = [moved(named(lesson), hours=1) for lesson in day]
    assert set(codes(day, shown)) <= {"FLO-SCD.shifted", "FLO-SCD.missing", "FLO-SCD.extra"}
    assert "FLO-SCD.missing" in codes(day, shown) or "FLO-SCD.shifted" in codes(day, shown)
    by_id = [moved(lesson, hours=1) for lesson in day]
    assert codes(day, by_id) == ["FLO-SCD.shifted"] * 3


def test_findings_count_lessons() -> None:
    found = [Difference("FLO-SCD.missing", {"lesson": str(number)}) for number in range(60)]
    found.append(Difference("FLO-SCD.others", {"lesson": "x"}))
    missing, others = schedule_findings(found, tried=100)
    assert (missing.code, missing.failed, missing.tried, len(missing.cases)) == (
        "FLO-SCD.missing",
        60,
        100,
        50,
    )
    assert (others.code, others.failed) == ("FLO-SCD.others", 1)
    assert schedule_findings([], tried=1) == []


@pytest.mark.parametrize(
    ("before", "after", "shown", "expected"),
    [
        ([HELD], [moved(HELD, days=1)], [HELD], ["FLO-SCD.stale"]),
        ([HELD], [moved(HELD, days=1)], [moved(HELD, days=1)], []),
        ([HELD], [moved(HELD, days=1)], [HELD, moved(named(HELD), days=1)], ["FLO-SCD.stale"]),
        ([HELD], [], [HELD], ["FLO-SCD.stale"]),
        ([HELD], [], [], []),
        ([], [HELD], [], ["FLO-SCD.missing"]),
        ([HELD], [replace(HELD, cancelled=True)], [HELD], ["FLO-SCD.cancelled"]),
        ([HELD], [moved(HELD, days=1)], [moved(HELD, days=1, hours=1)], ["FLO-SCD.shifted"]),
        ([HELD], [replace(HELD, rooms=(frozenset({"r2"}),))], [HELD], ["FLO-SCD.stale"]),
    ],
)
def test_after_a_change(
    before: list[Lesson], after: list[Lesson], shown: list[Lesson], expected: list[str]
) -> None:
    found = outdated(before, differences(after, shown, [*before, *after, OTHER]))
    assert [one.code for one in found] == expected
