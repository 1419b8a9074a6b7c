"""What is seen of answers that follow the agreed document, and of answers that do not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.core
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.probes.small_register import SmallRegister, identity

from kravkoll.probes.conformance import Conformance, Contract, examine, is_timestamp
from kravkoll.probes.openapi import FlowUse, operations, project, read_document
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.record.outcome import Inconclusive
from kravkoll.serving.loopback import Loopback

APIS = Path(__file__).parents[2] / "contracts" / "apis"


@pytest.fixture(scope="module")
def contract() -> Contract:
    use = FlowUse.of(read_document(APIS / "flows" / "ber-tempus.yaml"))
    return Contract(read_document(APIS / "ss12000-2.1.yaml"), use)


@pytest.fixture
def examined(contract: Contract) -> Iterator[Callable[[SmallRegister], Conformance]]:
    with Loopback() as loopback:

        def run(register: SmallRegister) -> Conformance:
            with Ss12000(loopback.serve(register.app()).url, "token") as api:
                return examine(api, contract, examples=1)

        yield run


def changed(**fields: object) -> SmallRegister:
    register = SmallRegister()
    register.held["placements"][2] = register.held["placements"][2] | fields
    return register


def kinds(seen: Conformance) -> set[str]:
    return {deviation.kind for deviation in seen.deviations}


def test_an_honest_register_deviates_in_nothing(examined: Callable[[SmallRegister], Conformance]) -> None:
    register = SmallRegister()
    seen = examined(register)
    assert seen.deviations == ()
    assert seen.records == 14
    assert seen.requests == len(register.asked) - 1  # the engine begins with one path of its own
    assert not any("civicNo" in url for url in register.asked)


def test_a_wrong_type_is_told_with_path_and_record(examined: Callable[[SmallRegister], Conformance]) -> None:
    seen = examined(changed(startDate=20260101))
    assert kinds(seen) == {"invalid"}
    first = seen.deviations[0]
    assert (first.where, first.actual, first.record) == ("$.data[2].startDate", 20260101, identity(3, 2))
    assert first.expected == {"type": "string"}
    assert first.repeat.startswith('curl -sS -i -H "Authorization: Bearer $TOKEN"')


def test_a_format_is_held(examined: Callable[[SmallRegister], Conformance]) -> None:
    assert kinds(examined(changed(startDate="1 januari"))) == {"invalid"}


def test_facts_about_people_do_not_stand_in_a_deviation(
    examined: Callable[[SmallRegister], Conformance],
) -> None:
    register = SmallRegister()
    register.held["persons"][0] = register.held["persons"][0] | {"birthDate": "den elfte"}
    assert examined(register).deviations[0].actual == "(string)"


def test_a_missing_field_is_named(examined: Callable[[SmallRegister], Conformance]) -> None:
    register = SmallRegister()
    del register.held["placements"][0]["schoolType"]
    seen = examined(register)
    assert kinds(seen) == {"missing"}
    assert seen.deviations[0].expected == "schoolType"


@pytest.mark.parametrize(
    ("defect", "kind"),
    [("500", "server-error"), ("status", "status"), ("html", "content-type"), ("empty", "not-json")],
)
def test_answers_that_hold_no_records_are_judged_too(
    examined: Callable[[SmallRegister], Conformance], defect: str, kind: str
) -> None:
    assert kind in kinds(examined(SmallRegister(defect)))


def test_a_record_that_is_listed_but_never_found_deviates(
    examined: Callable[[SmallRegister], Conformance],
) -> None:
    seen = examined(SmallRegister("never"))
    assert {(one.operation, one.actual) for one in seen.deviations} == {
        ("getOrganisation", 404),
        ("getPerson", 404),
        ("getPlacement", 404),
    }


def test_a_dead_server_is_inconclusive(contract: Contract) -> None:
    with Loopback() as loopback:
        served = loopback.serve(SmallRegister().app())
        url = served.url
        served.close()
        with Ss12000(url, "token") as api, pytest.raises(Inconclusive, match=r"subject\.unreachable"):
            examine(api, contract)


def test_a_server_that_dies_after_the_walk_is_inconclusive(contract: Contract) -> None:
    register = SmallRegister()
    with Loopback() as loopback:
        served = loopback.serve(register.app())

        def die(exchange: Any) -> None:
            if "deletedEntities" in exchange.url:
                served.close()

        with (
            Ss12000(served.url, "token", on_exchange=die) as api,
            pytest.raises(Inconclusive, match=r"subject\.(unreachable|reset)"),
        ):
            examine(api, contract)


def test_a_refused_token_is_inconclusive(examined: Callable[[SmallRegister], Conformance]) -> None:
    with pytest.raises(Inconclusive, match=r"subject\.refused"):
        examined(SmallRegister("refuses"))


def test_only_what_the_flow_reads_is_asked_for(contract: Contract) -> None:
    cut = project(contract.document, contract.use, {"persons": [identity(2, 0)]})
    names = {one.identity for one in operations(cut)}
    assert {"listPersons", "getPerson", "lookupPersons", "listGroups"} <= names
    assert not names & {"getGroup", "createSubscription", "listSubscriptions"}
    asked = cut["paths"]["/persons"]["get"]["parameters"]
    assert {one["name"] for one in asked} == {
        "relationship.entity.type",
        "relationship.organisation",
        "meta.modified.after",
        "limit",
    }


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2026-01-01T10:00:00Z", True),
        ("2026-01-01T10:00:00.123+01:00", True),
        ("2026-01-01T10:00:00", False),
        ("2026-01-01", False),
    ],
)
def test_timestamps_carry_an_offset(text: str, good: bool) -> None:
    assert is_timestamp(text) is good


def test_counterexamples_are_readable_after_schemathesis(
    examined: Callable[[SmallRegister], Conformance], capsys: pytest.CaptureFixture[str]
) -> None:
    examined(SmallRegister())

    @settings(database=None, derandomize=True, max_examples=50)
    @given(limit=st.integers(1, 1000))
    def breaks(limit: int) -> None:
        assert limit < 417

    with pytest.raises(AssertionError) as caught:
        breaks()
    told = "\n".join(caught.value.__notes__)
    assert "limit=417" in told
    assert hypothesis.core.RepresentationPrinter.__module__.startswith("hypothesis")  # type: ignore[attr-defined]
