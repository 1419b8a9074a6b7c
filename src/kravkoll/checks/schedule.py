"""Judges whether a schedule is the same in two systems: by instants, places and people, never by spelling."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from kravkoll.record.outcome import Finding

MOST_CASES = 50
FURTHEST_SHIFT = timedelta(hours=3)
"""Zones that a system in Sweden may mistake for its own lie no further off; UTC is one or two hours away."""
HOUR = timedelta(hours=1)

type Names = frozenset[str]
"""All that one activity, room or teacher is called: id, name, signature."""


class Lesson(Protocol):
    """A lesson as some system shows it; None where that view does not tell."""

    @property
    def id(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...
    @property
    def activity(self) -> Names: ...
    @property
    def rooms(self) -> tuple[Names, ...] | None: ...
    @property
    def teachers(self) -> tuple[Names, ...] | None: ...
    @property
    def cancelled(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Difference:
    """One lesson that is not shown as it is, and how."""

    code: str
    case: dict[str, Any] = field(default_factory=dict)
    shown: Lesson | None = None
    """What is shown, where something is."""


def differences(
    source: Sequence[Lesson], shown: Sequence[Lesson], everybody: Iterable[Lesson]
) -> list[Difference]:
    """How what one person is shown differs from that person's lessons in the source.

    `everybody` is the source's lessons for all, which tells a stranger's lesson from one that nobody has.
    """
    all_lessons = list(everybody)
    known = frozenset().union(*(names for lesson in all_lessons for names in _all_names(lesson)))
    found: list[Difference] = []
    left_shown = list(shown)
    left_source = list(source)
    for fits in _PAIRINGS:
        for lesson in tuple(left_source):
            twin = next((one for one in left_shown if fits(lesson, one)), None)
            if twin is not None:
                left_source.remove(lesson)
                left_shown.remove(twin)
                found += _between(lesson, twin, known)
    found += [Difference("FLO-SCD.missing", _case(one)) for one in left_source if not one.cancelled]
    strangers = [one for one in left_shown if not one.cancelled]
    return [*found, *(_surplus(one, source, all_lessons) for one in strangers)]


def outdated(before: Sequence[Lesson], found: Iterable[Difference]) -> list[Difference]:
    """The same differences after a change: what shows a lesson as it was before is stale."""

    def told(one: Difference) -> Difference:
        old = one.shown is not None and any(_agree(lesson, one.shown) for lesson in before)
        wrong = one.code in {"FLO-SCD.changed", "FLO-SCD.extra", "FLO-SCD.others", "FLO-SCD.shifted"}
        return replace(one, code="FLO-SCD.stale") if old and wrong else one

    stale = [told(one) for one in found]
    # an old lesson that is still shown takes the place of the new one: that is one fault, not two
    if any(one.code == "FLO-SCD.stale" for one in stale):
        return [one for one in stale if one.code not in {"FLO-SCD.missing", "FLO-SCD.extra"}]
    return stale


def schedule_findings(found: Iterable[Difference], tried: int) -> list[Finding]:
    """A finding for each kind of difference, of `tried` lessons."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        kinds.setdefault(one.code, []).append(one.case)
    return [
        Finding(code, EXPECTED[code], cases[0], tuple(cases[:MOST_CASES]), len(cases), max(tried, len(cases)))
        for code, cases in kinds.items()
    ]


EXPECTED = {
    "FLO-SCD.missing": "every lesson of the source",
    "FLO-SCD.extra": "no lesson that the source does not have",
    "FLO-SCD.others": "the person's own lessons",
    "FLO-SCD.shifted": "the same instant as in the source",
    "FLO-SCD.changed": "the same times, activity, rooms and teachers as in the source",
    "FLO-SCD.cancelled": "no cancelled lesson that seems to be held",
    "FLO-SCD.stale": "the lesson as it is after the change",
}


def _same_id(lesson: Lesson, shown: Lesson) -> bool:
    return bool(lesson.id) and lesson.id == shown.id


def _agree(lesson: Lesson, shown: Lesson) -> bool:
    return (lesson.start, lesson.end) == (shown.start, shown.end) and bool(lesson.activity & shown.activity)


def _held_and_agree(lesson: Lesson, shown: Lesson) -> bool:
    return not lesson.cancelled and _agree(lesson, shown)


def _shifted(lesson: Lesson, shown: Lesson) -> bool:
    return bool(lesson.activity & shown.activity) and not lesson.cancelled and _hours_off(lesson, shown)


def _same_place_in_time(lesson: Lesson, shown: Lesson) -> bool:
    return not lesson.cancelled and (lesson.start, lesson.end) == (shown.start, shown.end)


def _nearly(lesson: Lesson, shown: Lesson) -> bool:
    """One of the two times, or both on another day, and the same activity: it was moved."""
    same = lesson.start == shown.start or lesson.end == shown.end
    near = abs(lesson.start - shown.start) < timedelta(days=2)
    return not lesson.cancelled and bool(lesson.activity & shown.activity) and (same or near)


_PAIRINGS: tuple[Callable[[Lesson, Lesson], bool], ...] = (
    _same_id,
    _held_and_agree,
    _agree,
    _shifted,
    _same_place_in_time,
    _nearly,
)
"""How a lesson is found again, the surest ways first; ids may be the receiver's own."""


def _hours_off(lesson: Lesson, shown: Lesson) -> bool:
    by = shown.start - lesson.start
    return by == shown.end - lesson.end and bool(by) and not by % HOUR and abs(by) <= FURTHEST_SHIFT


def _between(lesson: Lesson, shown: Lesson, known: Names) -> Iterator[Difference]:
    if lesson.cancelled:
        if not shown.cancelled:
            yield Difference("FLO-SCD.cancelled", _case(lesson), shown)
        return
    if _hours_off(lesson, shown):
        by = round((shown.start - lesson.start) / HOUR)
        yield Difference("FLO-SCD.shifted", _case(lesson, shown) | {"hours": by}, shown)
    outside = list(_other_content(lesson, shown, known))
    if outside:
        yield Difference("FLO-SCD.changed", _case(lesson, shown) | {"fields": outside}, shown)


def _other_content(lesson: Lesson, shown: Lesson, known: Names) -> Iterator[str]:
    if (lesson.start, lesson.end) != (shown.start, shown.end) and not _hours_off(lesson, shown):
        yield "time"
    if not lesson.activity & shown.activity and shown.activity & known:
        yield "activity"
    if shown.rooms is not None and _others(lesson.rooms or (), shown.rooms, known):
        yield "rooms"
    if shown.teachers is not None and _others(lesson.teachers or (), shown.teachers, known):
        yield "teachers"
    if shown.cancelled:
        yield "cancelled"


def _others(own: Sequence[Names], shown: Sequence[Names], known: Names) -> bool:
    """Whether these are others, as far as their names are known: a product may write names in its own way."""
    missing = [one for one in own if not any(one & other for other in shown)]
    strange = [one for one in shown if not any(one & other for other in own)]
    unrecognised = [one for one in strange if not one & known]
    return len(strange) > len(unrecognised) or len(missing) > len(unrecognised)


def _surplus(shown: Lesson, source: Sequence[Lesson], everybody: Iterable[Lesson]) -> Difference:
    own = {lesson.id for lesson in source}
    others = [lesson for lesson in everybody if lesson.id not in own]
    strangers = any(_same_id(lesson, shown) or _agree(lesson, shown) for lesson in others)
    return Difference("FLO-SCD.others" if strangers else "FLO-SCD.extra", _case(shown), shown)


def _all_names(lesson: Lesson) -> Iterator[Names]:
    yield lesson.activity
    yield from lesson.rooms or ()
    yield from lesson.teachers or ()


def _case(lesson: Lesson, shown: Lesson | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "lesson": lesson.id,
        "start": lesson.start.isoformat(),
        "end": lesson.end.isoformat(),
    }
    told["activity"] = sorted(lesson.activity)
    if shown is not None:
        told["shown"] = {
            "start": shown.start.isoformat(),
            "end": shown.end.isoformat(),
            "activity": sorted(shown.activity),
            "rooms": [sorted(one) for one in shown.rooms or ()],
            "teachers": [sorted(one) for one in shown.teachers or ()],
        }
    return told
