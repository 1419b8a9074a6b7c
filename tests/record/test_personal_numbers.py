"""Only members of the published list are nobody's; everything else that looks like a number is stopped."""

import json
from datetime import date
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kravkoll.record.personal_numbers import (
    NotATestNumber,
    check_digit,
    find,
    guard,
    is_test_number,
    published_test_numbers,
)

PUBLISHED = Path(__file__).parents[3] / "shared/data/personnummer"
TEST_NUMBER, REAL_LOOKING = "199001012385", "198507099805"


@pytest.mark.parametrize("number", ["198507099805", "191212121212", "19850709-9805", "850709-9805"])
def test_examples_of_libraries_are_not_on_the_list(number: str) -> None:
    assert not is_test_number(number)


@pytest.mark.parametrize(
    "number",
    [
        *("199001012385", "200002292399", "190001019801", "189001019802", "196408233234", "202001012398"),
        *("201212121212", "202201612393", "191401682396"),
        *("19900101-2385", "900101-2385", "9001012385", "1990-01-01-2385", "900101\u20112385", "900101+9802"),
        "\uff11\uff19\uff19\uff10\uff10\uff11\uff10\uff11\uff12\uff13\uff18\uff15",
    ],
)
def test_members_are_known_in_every_form(number: str) -> None:
    assert is_test_number(number)


@pytest.mark.parametrize("text", ["", "abc", "199001012385 199001012385", "x199001012385", "19900101238"])
def test_what_is_no_number_is_no_test_number(text: str) -> None:
    assert not is_test_number(text)


def test_the_list_is_the_whole_published_list() -> None:
    if not PUBLISHED.exists():
        pytest.skip("the published files are not at hand")
    published = {number for file in PUBLISHED.glob("*.json") for number in json.loads(file.read_text())}
    assert set(published_test_numbers(1800, 2099)) == published
    assert len(published) == 41127 + 2264


@pytest.mark.parametrize(
    "text",
    [
        *("198507099805", "19850709-9805", "19850709 9805", "850709-9805", "8507099805", "850709+9805"),
        *("1985-07-09-9805", "1985 07 09 9805", "85.07.09-9805", "850709\u20119805", "850709\u20099805"),
        *("850709\u20139805", "1985\u200b0709\u00ad9805", "850709\u00a0-\u00a09805", "19850709/9805"),
        *("pnr198507099805", "P198507099805X", "id_8507099805.pdf", "pnr8507099805", "(8507099805)"),
        *("850709-T123", "19850709T123", "850709-x12a 850709-x123", "850769-9802"),
    ],
)
def test_every_form_is_found(text: str) -> None:
    assert [number for number in find(text) if not number.is_test_number]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2026-11-23T20:47:11.123Z",
            "2026-11-23 20:47",
            "20261123T204711Z",
            "20261123204711",
            "1763930831000",
        ),
        *("2026-08-17 2026-08-18", "08-508 336 98", "070-174 06 05", "+46701740605", "20261123-20261130"),
        *("19850709980", "1985070998051", "ORD-85070998051", "198513099805", "198507999805", "8507099806"),
        *("3f8507099805ab7", "8507099805ab7", "52.8507099804", "850709-A123", "1234567890123456"),
    ],
)
def test_other_runs_of_digits_are_left_alone(text: str) -> None:
    assert list(find(text)) == []


@given(st.uuids(version=4), st.binary(min_size=1, max_size=9))
def test_ids_and_digests_are_left_alone(identity: UUID, content: bytes) -> None:
    text = f"{identity} sha256:{sha256(content).hexdigest()} {sha256(content).hexdigest()[:40]}"
    assert list(find(text)) == []


def test_a_digest_that_holds_a_number_by_chance_is_left_alone() -> None:
    digest = "ab" + REAL_LOOKING + "c" * 50
    assert list(find(digest)) == []
    assert list(find("00000000-0000-0000-0000-" + REAL_LOOKING)) != []


@given(st.dates(date(1930, 1, 1), date(2029, 12, 31)), st.integers(0, 999))
def test_a_number_is_found_in_the_middle_of_a_text(day: date, serial: int) -> None:
    nine = f"{day:%y%m%d}{serial:03}"
    number = f"{day:%Y%m%d}{serial:03}{check_digit(nine)}"
    assert [found.value for found in find(f"Hej, {number}!")] == [number]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (REAL_LOOKING, "the value"),
        ({"persons": [{"civicNo": {"value": REAL_LOOKING}}]}, "persons[0].civicNo.value"),
        ({"a": [1, int(REAL_LOOKING)]}, "a[1]"),
        ({REAL_LOOKING: 1}, "a key of the value"),
        (f"x{REAL_LOOKING}".encode(), "the value"),
    ],
)
def test_the_guard_stops_a_number_and_does_not_repeat_it(value: object, place: str) -> None:
    with pytest.raises(NotATestNumber) as stopped:
        guard(value)
    assert place in str(stopped.value)
    assert REAL_LOOKING not in str(stopped.value)


def test_the_guard_lets_test_numbers_and_everything_else_through() -> None:
    guard({"civicNo": TEST_NUMBER, "n": None, "b": True, "f": 1.5, "list": ["900101-2385", b"x", 42]})
