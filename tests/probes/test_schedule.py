"""A schedule as an interface shows it, and as a page does."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from kravkoll.probes.http import Answer
from kravkoll.probes.schedule import Directory, ScheduleView, instant, lesson_of
from kravkoll.record.outcome import Inconclusive, NotExercised

STOCKHOLM = ZoneInfo("Europe/Stockholm")
HUB = {
    "path": "/hub/timetable?from={from}&to={to}",
    "json": "lessons",
    "lesson": {"start": "start", "end": "end", "activity": "title", "rooms": "rooms", "cancelled": "state"},
    "cancelled_when": "cancelled",
}
PAGE = {
    "path": "/schema?from={from}&to={to}",
    "rows": "//tr[@data-lesson]",
    "lesson": {
        "id": "@data-lesson",
        "start": ".//time[@class='start']/@datetime",
        "end": ".//time[@class='end']/@datetime",
        "activity": ".//*[@class='activity']",
        "teachers": ".//*[@class='teacher']",
        "cancelled": ".//*[@class='cancelled']",
    },
}


def answer(body: str, status: int = 200, kind: str = "application/json") -> Answer:
    return Answer("GET", "https://x.invalid/", status, {"content-type": kind}, body.encode())


def test_a_time_without_zone_is_read_by_the_clock_on_the_wall() -> None:
    assert instant("2026-10-26 08:20", STOCKHOLM) == datetime(2026, 10, 26, 7, 20, tzinfo=UTC)
    assert instant("2026-10-23T08:20:00", STOCKHOLM) == datetime(2026, 10, 23, 6, 20, tzinfo=UTC)
    assert instant("2026-10-23T08:20:00+02:00", STOCKHOLM) == datetime(2026, 10, 23, 6, 20, tzinfo=UTC)
    with pytest.raises(Inconclusive, match=r"subject\.garbage"):
        instant("i morgon", STOCKHOLM)


def test_lessons_of_a_hub() -> None:
    view = ScheduleView(HUB)
    assert view.path(date(2026, 10, 19), date(2026, 10, 30)) == "/hub/timetable?from=2026-10-19&to=2026-10-30"
    body = (
        '{"lessons": [{"start": "2026-10-26 08:20", "end": "2026-10-26 09:20", "title": "Musik",'
        ' "rooms": ["Sal 1"], "state": "cancelled"}]}'
    )
    (lesson,) = view.read(answer(body))
    assert lesson.start == datetime(2026, 10, 26, 8, 20, tzinfo=STOCKHOLM)
    assert (lesson.activity, lesson.rooms, lesson.teachers) == (
        frozenset({"Musik"}),
        (frozenset({"Sal 1"}),),
        None,
    )
    assert lesson.cancelled
    (held,) = view.read(answer(body.replace('"cancelled"', '"planned"')))
    assert not held.cancelled
    assert view.read(answer('{"lessons": []}')) == ()


def test_lessons_of_a_page() -> None:
    page = """<table><tr><th>Dag</th></tr><tr data-lesson="7"><td>
      <time class="start" datetime="2026-10-26T08:20:00+01:00">08:20</time>
      <time class="end" datetime="2026-10-26T09:20:00+01:00">09:20</time></td>
      <td><span class="activity">Musik &amp; dans</span></td>
      <td><span class="teacher">ABC</span>, <span class="teacher">DEF</span></td></tr></table>"""
    (lesson,) = ScheduleView(PAGE).read(answer(page, kind="text/html"))
    assert (lesson.id, lesson.activity) == ("7", frozenset({"Musik & dans"}))
    assert lesson.teachers == (frozenset({"ABC"}), frozenset({"DEF"}))
    assert lesson.rooms is None
    assert not lesson.cancelled


def test_what_is_no_schedule() -> None:
    for body, status in (
        ("", 200),
        ("{}", 200),
        ('{"lessons": 1}', 200),
        ("no", 500),
        ('{"lessons": [1]}', 200),
    ):
        with pytest.raises(Inconclusive, match=r"subject\.(garbage|status)"):
            ScheduleView(HUB).read(answer(body, status))
    with pytest.raises(NotExercised, match=r"capability\.incomplete"):
        ScheduleView({"path": "/"}).read(answer("{}"))


def test_a_date_and_two_times_of_day() -> None:
    lesson = {"date": "day", "start": "from", "end": "to", "activity": "what"}
    view = ScheduleView({**HUB, "lesson": lesson})
    body = '{"lessons": [{"day": "2026-10-26", "from": "08:20", "to": "09:20", "what": "Musik"}]}'
    (shown,) = view.read(answer(body))
    assert shown.end == datetime(2026, 10, 26, 9, 20, tzinfo=STOCKHOLM)


def test_an_event_with_names_from_its_surroundings() -> None:
    directory = Directory(
        {
            "activities": [
                {
                    "id": "a",
                    "displayName": "Musik",
                    "teachers": [{"duty": {"id": "d1"}}, {"duty": {"id": "d2"}}],
                }
            ],
            "rooms": [{"id": "r", "displayName": "Sal 1"}],
            "duties": [{"id": "d1", "signature": "ABC", "person": {"id": "p"}}],
            "persons": [{"id": "p", "givenName": "Alva", "familyName": "Ahl"}],
        }
    )
    event = {
        "id": "1",
        "activity": {"id": "a"},
        "startTime": "2026-10-26T08:20:00+01:00",
        "endTime": "2026-10-26T09:20:00+01:00",
        "rooms": [{"id": "r"}],
        "teacherExceptions": [
            {"duty": {"id": "d2"}, "participates": False},
            {"duty": {"id": "d3"}, "participates": True},
        ],
    }
    lesson = lesson_of(event, directory)
    assert lesson.activity == frozenset({"a", "Musik"})
    assert lesson.rooms == (frozenset({"r", "Sal 1"}),)
    assert lesson.teachers == (
        frozenset({"d1", "ABC", "p", "Alva Ahl", "Ahl Alva", "Ahl, Alva"}),
        frozenset({"d3"}),
    )
    assert lesson_of(event, Directory({})).teachers is None


def test_an_event_without_times() -> None:
    with pytest.raises(Inconclusive, match=r"subject\.garbage"):
        lesson_of({"id": "1"}, Directory({}))
