"""What an answer gave out is read from its body, not from its status."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kravkoll.probes.http import Answer
from kravkoll.probes.oauth import ApiAnswer, read_answer

URL = "https://api.example.invalid/v2.0/organisations?limit=1"


def seen(body: object, status: int = 200, **headers: str) -> ApiAnswer:
    lowered = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(Answer("GET", URL, status, lowered, content))


def test_records_values_and_members_are_told_apart() -> None:
    answer = seen(
        {"data": [{"id": "abcdef-1", "n": 3, "big": 1234567, "ok": True, "gone": None}], "next": ""}
    )
    assert answer.records == 1
    assert answer.values == {"abcdef-1", "1234567"}
    assert answer.shape == {".data[].id", ".data[].n", ".data[].big"}


def test_an_error_that_repeats_the_address_gives_nothing_out() -> None:
    answer = seen({"title": "no", "instance": "/v2.0/organisations", "type": "organisations"}, 401)
    assert (answer.records, answer.values) == (0, frozenset())


def test_the_description_holds_nothing_that_was_given_out() -> None:
    answer = seen({"data": [{"name": "Åsa Öberg"}]}, www_authenticate='Bearer error="x"')
    described = json.dumps(answer.described(), ensure_ascii=False)
    assert "Öberg" not in described
    assert 'Bearer error=\\"x\\"' in described
    assert "limit" not in described


def test_where_it_leads_is_told_without_the_query() -> None:
    answer = seen(b"", 302, location="https://login.invalid/?state=1")
    assert answer.redirected_to == "https://login.invalid/"
    assert seen(b"", 200, location="https://login.invalid/").redirected_to is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_has_no_records(body: bytes) -> None:
    assert seen(body).records == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_any_json_can_be_read(document: object) -> None:
    answer = seen(document)
    assert answer.records >= 0
    assert answer == seen(document)


@given(JSON, st.text(min_size=6).filter(lambda text: text not in URL))
def test_a_value_is_found_at_any_depth(document: object, value: str) -> None:
    assert value in seen({"a": [document, {"b": [value]}]}).values
