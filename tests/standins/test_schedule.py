"""A schedule in the system that owns it, and in the one that shows it to pupils and staff."""

import csv
import io
import re
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
from lxml import etree

from kravkoll.standins import StandIn

from .conftest import House

STOCKHOLM = ZoneInfo("Europe/Stockholm")
MONDAY = datetime(2026, 11, 23, 8, 20, tzinfo=STOCKHOLM)
SUMMER = datetime(2026, 10, 19, 8, 20, tzinfo=STOCKHOLM)
META = {"created": "2026-08-01T00:00:00Z", "modified": "2026-08-01T00:00:00Z"}
YEAR: dict[str, Any] = {
    "startTime.onOrAfter": "2026-08-01T00:00:00Z",
    "startTime.onOrBefore": "2027-07-31T00:00:00Z",
}
DAYS = {"from": "2026-10-01", "to": "2026-11-30"}


def own_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


ROOM = {"id": own_id("room"), "meta": META, "displayName": "Sal 7 & 8"}


def activity(house: House, name: str, persona: str, teacher: str) -> dict[str, Any]:
    group = house.cast.people[persona].group
    duty = next(
        one for one in house.cast.records["duties"] if one["person"] == {"id": house.cast.people[teacher].id}
    )
    return {
        "id": own_id(name),
        "meta": META,
        "displayName": name,
        "calendarEventsRequired": True,
        "startDate": "2026-08-17",
        "groups": [{"id": group}],
        "teachers": [{"duty": {"id": duty["id"]}}],
        "organisation": duty["dutyAt"],
    }


def lesson(name: str, at: datetime, of: str, **more: Any) -> dict[str, Any]:
    times = {"startTime": at.isoformat(), "endTime": (at + timedelta(hours=1)).isoformat()}
    lesson_id = {"id": own_id(name), "meta": META, "activity": {"id": own_id(of)}}
    return lesson_id | times | {"rooms": [{"id": ROOM["id"]}]} | more


@pytest.fixture
def skola24(house: House, ber: StandIn) -> StandIn:
    """With two lessons for class 3A on both sides of the change of clocks, and one for another class."""
    activities = [
        activity(house, "Musik 3A", "child-a2", "teacher-z"),
        activity(house, "Slöjd 5B", "same-name-1", "teacher-z"),
    ]
    ber.seed(put={"activities": activities})
    system = house.reader("skola24-schedule", {"ber": ber})
    system.prepare()
    system.seed(
        remove={"calendarEvents": list(system.store.now.tables["calendarEvents"])},
    )
    system.seed(
        put={
            "rooms": [ROOM | {"owner": activities[0]["organisation"]}],
            "calendarEvents": [
                lesson("summer", SUMMER, "Musik 3A"),
                lesson("winter", MONDAY, "Musik 3A"),
                lesson("other", MONDAY, "Slöjd 5B"),
            ],
        }
    )
    return system


@pytest.fixture
def infomentor(house: House, ber: StandIn, skola24: StandIn) -> StandIn:
    system = house.reader("infomentor", {"ber": ber, "skola24-schedule": skola24})
    system.prepare()
    return system


def logged_in(house: House, system: StandIn, persona: str) -> httpx.Client:
    """A browser in which somebody has logged in by the city's login."""
    browser = httpx.Client(verify=house.trusting_context(), trust_env=False, follow_redirects=True)
    house.open.enter_context(browser)
    house.introduce(system)
    page = browser.get(system.url)
    token = re.search(r'name="login" value="([^"]+)"', page.text)
    assert token
    answer = browser.post(str(page.url.join("/login")), data={"login": token[1], "username": persona})
    if action := re.search(r'action="([^"]+)"', answer.text):  # SAML's answer is posted
        fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', answer.text))
        browser.post(action[1], data=fields)
    return browser


def timetable(browser: httpx.Client, system: StandIn, **asked: str) -> list[dict[str, Any]]:
    lessons: list[dict[str, Any]] = browser.get(
        f"{system.url}/hub/timetable", params={**DAYS, **asked}
    ).json()["lessons"]
    return lessons


def test_lessons_come_to_the_one_who_has_them(house: House, infomentor: StandIn) -> None:
    browser = logged_in(house, infomentor, "child-a2")
    assert [(one["start"], one["title"], one["rooms"]) for one in timetable(browser, infomentor)] == [
        ("2026-10-19 08:20", "Musik 3A", ["Sal 7 & 8"]),
        ("2026-11-23 08:20", "Musik 3A", ["Sal 7 & 8"]),
    ]
    assert browser.get(f"{infomentor.url}/hub/account").json()["account"]["role"] == "pupil"
    other = house.cast.people["same-name-1"].id
    assert {one["title"] for one in timetable(browser, infomentor, person=other)} == {"Musik 3A"}


def test_a_teacher_has_the_lessons_of_every_class(house: House, infomentor: StandIn) -> None:
    browser = logged_in(house, infomentor, "teacher-z")
    assert {one["title"] for one in timetable(browser, infomentor)} == {"Musik 3A", "Slöjd 5B"}
    assert browser.get(f"{infomentor.url}/hub/account").json()["account"]["role"] == "staff"


def test_a_guardian_has_no_lessons(house: House, infomentor: StandIn) -> None:
    browser = logged_in(house, infomentor, "guardian-a")
    assert timetable(browser, infomentor) == []


def test_a_dead_session_gets_nothing_and_no_refusal(house: House, infomentor: StandIn) -> None:
    for path in ("/hub/account", "/hub/timetable"):
        answer = house.http.get(infomentor.url + path, params=DAYS)
        assert (answer.status_code, answer.content) == (200, b"")


def await_lessons(
    house: House, system: StandIn, holds: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for _ in range(60):
        shown = house.walk(system, "calendarEvents", **YEAR)
        if holds(shown):
            break
        time.sleep(0.05)
    return shown


@pytest.mark.parametrize("fault", [None, "schedule.deaf"])
def test_a_change_arrives_because_it_was_told_of(
    house: House, ber: StandIn, skola24: StandIn, fault: str | None
) -> None:
    system = house.reader("infomentor", {"ber": ber, "skola24-schedule": skola24}, fault)
    system.prepare()
    moved = lesson("winter", MONDAY + timedelta(days=1), "Musik 3A", cancelled=True)
    skola24.seed(put={"calendarEvents": [moved]}, remove={"calendarEvents": [own_id("other")]})

    def arrived(lessons: list[dict[str, Any]]) -> bool:
        by_id = {one["id"]: one for one in lessons}
        return own_id("other") not in by_id and by_id[own_id("winter")].get("cancelled") is True

    assert arrived(await_lessons(house, system, arrived)) == (fault is None)
    if fault:
        system.trigger("skola24-schedule")
        assert arrived(await_lessons(house, system, arrived))


def test_a_notice_goes_to_nobody_who_guesses(house: House, infomentor: StandIn) -> None:
    assert house.http.post(f"{infomentor.url}/notices/skola24-schedule", json={}).status_code == 404


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("schedule.utc", {"2026-10-19 10:20", "2026-11-23 09:20"}),
        ("schedule.winter", {"2026-10-19 07:20", "2026-11-23 08:20"}),
    ],
)
def test_clocks_that_are_wrong(
    house: House, ber: StandIn, skola24: StandIn, fault: str, expected: set[str]
) -> None:
    system = house.reader("infomentor", {"ber": ber, "skola24-schedule": skola24}, fault)
    system.prepare()
    browser = logged_in(house, system, "child-a2")
    assert {one["start"] for one in timetable(browser, system)} == expected


@pytest.mark.parametrize(
    ("fault", "lessons"),
    [("schedule.doubles", 4), ("schedule.others", 3), ("schedule.held", 3)],
)
def test_a_schedule_that_is_another(
    house: House, ber: StandIn, skola24: StandIn, fault: str, lessons: int
) -> None:
    system = house.reader("infomentor", {"ber": ber, "skola24-schedule": skola24}, fault)
    system.prepare()
    if fault == "schedule.others":
        browser = logged_in(house, system, "child-a2")
        assert len(timetable(browser, system)) == lessons
    else:
        assert len(await_lessons(house, system, lambda _: True)) == lessons


def test_pages_of_ones_own_schedule_and_of_rooms(house: House, skola24: StandIn) -> None:
    nobody = house.http.get(f"{skola24.url}/schema", params=DAYS)
    assert (nobody.status_code, nobody.headers["location"]) == (302, "/")
    pupil = logged_in(house, skola24, "child-a2")
    page = pupil.get(f"{skola24.url}/schema", params=DAYS).text
    assert page.count("<tr data-lesson=") == 2
    assert "datetime='2026-10-19T08:20:00+02:00'" in page
    assert "Sal 7 &amp; 8" in page
    assert pupil.get(f"{skola24.url}/salar", params=DAYS).status_code == 403
    teacher = logged_in(house, skola24, "teacher-z")
    assert "Slöjd 5B" in teacher.get(f"{skola24.url}/salar", params=DAYS).text


def test_the_published_lesson_file(house: House, skola24: StandIn) -> None:
    assert house.http.get(f"{skola24.url}/lektioner.txt").status_code == 401
    headers = {"Authorization": f"Bearer {house.token(skola24)}"}
    text = house.http.get(f"{skola24.url}/lektioner.txt", headers=headers).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t"))
    pupil = house.cast.people["child-a2"].id
    assert {(one["Datum"], one["Start"]) for one in rows if one["Nyckel"] == pupil} == {
        ("2026-10-19", "08:20"),
        ("2026-11-23", "08:20"),
    }
    numbered = house.person("child-a2")
    skola24.seed(put={"persons": [numbered]})
    xml = house.http.get(f"{skola24.url}/lektioner.xml", headers=headers).content
    keys = [one.text for one in etree.fromstring(xml).iter("nyckel")]
    assert house.cast.people["child-a2"].civic_no in keys


def test_the_schedule_is_handed_over_without_people(house: House, skola24: StandIn) -> None:
    assert len(house.walk(skola24, "calendarEvents", "infomentor", **YEAR)) == 3
    assert house.ask(skola24, "/persons", "infomentor").status_code == 403
    sent = orjson.dumps(house.walk(skola24, "activities", "infomentor")).decode()
    assert not any(person.civic_no in sent for person in house.cast.people.values() if person.civic_no)
