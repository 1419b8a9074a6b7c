"""The checks of the schema area against a small register that is not a stand-in of ours."""

import importlib.util
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.probes.small_register import META, SmallRegister, identity

from kravkoll.checks import Inconclusive, NotMet, Subject
from kravkoll.checks.subject import Memo
from kravkoll.probes.conformance import Contract
from kravkoll.probes.openapi import FlowUse, read_document
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.serving.loopback import Loopback

ROOT = Path(__file__).parents[2]
APIS = ROOT / "contracts" / "apis"


def suite(name: str) -> ModuleType:
    path = ROOT / "suites" / "schema" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"suites_schema_{name}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def contract() -> Contract:
    use = FlowUse.of(read_document(APIS / "flows" / "ber-tempus.yaml"))
    return Contract(read_document(APIS / "ss12000-2.1.yaml"), use)


type Run = Callable[..., Subject]


@pytest.fixture
def run(contract: Contract) -> Iterator[Run]:
    """Runs a check against a register, with or without a way to put and remove records."""
    with Loopback() as loopback:

        def look(check: Callable[..., None], register: SmallRegister, *, seeds: bool = False) -> Subject:
            url = loopback.serve(register.app()).url
            subject = Subject(
                row="X@small/api",
                supplier="small",
                system="small",
                interface="api",
                kind="api",
                address=url,
                capabilities={"api.token": {}, **({"seed": {"hook": "seed"}} if seeds else {})},
                trust=b"",
                hooks={"seed": register.seed} if seeds else {},
                memo=Memo(),
                as_of=date(2026, 11, 23),
            )
            with Ss12000(url, "token", most_pages=100) as api:
                check(subject, api, contract)
            return subject

        yield look


def codes(caught: pytest.ExceptionInfo[NotMet]) -> set[str]:
    return {finding.code for finding in caught.value.findings}


def test_an_honest_register_meets_all_three(run: Run) -> None:
    register = SmallRegister()
    notes = run(suite("test_answers").test_answers_follow_the_agreed_schema, register).notes
    assert notes[0]["records"] == 14
    notes = run(suite("test_paging").test_pages_lose_and_double_nothing, register, seeds=True).notes
    assert notes[0]["changed"] == "organisations"
    assert notes[0]["walks"] > 12
    assert run(suite("test_filters").test_filters_filter, register).notes[0]["filters"]
    assert register.held == SmallRegister().held  # what was put is gone again


def test_an_empty_register_is_inconclusive_and_never_met(run: Run) -> None:
    for name in ("test_answers", "test_paging", "test_filters"):
        module = suite(name)
        check = next(value for value in vars(module).values() if hasattr(value, "kravkoll_check"))
        register = SmallRegister(held={resource: [] for resource in SmallRegister().held})
        with pytest.raises(Inconclusive, match=r"subject\.(empty|unseen)"):
            run(check, register)


def test_a_deviation_becomes_a_finding_with_its_cases(run: Run) -> None:
    register = SmallRegister()
    for row in register.held["placements"]:
        row["startDate"] = 20260101
    with pytest.raises(NotMet) as caught:
        run(suite("test_answers").test_answers_follow_the_agreed_schema, register)
    finding = caught.value.findings[0]
    assert finding.code == "schema.invalid"
    assert finding.tried > finding.failed >= 4
    case: Any = finding.cases[0]
    assert case["record"] == identity(3, 0)
    assert case["where"] == "$.data[0].startDate"
    assert "$TOKEN" in case["repeat"]


@pytest.mark.parametrize(
    ("defect", "code", "seeds"),
    [
        ("offset", "paging.lost", True),
        ("doubles", "paging.doubled", False),
        ("endless", "paging.endless", False),
        ("limit", "paging.limit-ignored", False),
    ],
)
def test_pages_that_go_wrong(run: Run, defect: str, code: str, seeds: bool) -> None:
    register = SmallRegister(defect)
    with pytest.raises(NotMet) as caught:
        run(suite("test_paging").test_pages_lose_and_double_nothing, register, seeds=seeds)
    assert code in codes(caught)
    assert register.held == SmallRegister().held


def test_the_smallest_walk_that_loses_is_told_with_its_change(run: Run) -> None:
    with pytest.raises(NotMet) as caught:
        run(suite("test_paging").test_pages_lose_and_double_nothing, SmallRegister("offset"), seeds=True)
    lost = next(one for one in caught.value.findings if one.code == "paging.lost")
    case: Any = lost.cases[0]
    assert len(case["changes"]) == 1
    assert set(case["changes"][0]) == {"after page", "remove"}
    assert isinstance(case["limit"], int)
    assert case["record"]


def test_offset_paging_without_change_is_no_finding(run: Run) -> None:
    run(suite("test_paging").test_pages_lose_and_double_nothing, SmallRegister("offset"))


def test_what_others_remove_on_the_way_is_not_lost(run: Run) -> None:
    register = SmallRegister()
    run_paging = suite("test_paging").test_pages_lose_and_double_nothing
    asked = 0

    class Busy(list[str]):
        def append(self, _url: str) -> None:
            nonlocal asked
            asked += 1
            if asked == 30:
                register.held["organisations"].pop()

    register.asked = Busy()
    run(run_paging, register)
    assert asked > 30


def test_filters_that_are_ignored(run: Run) -> None:
    with pytest.raises(NotMet) as caught:
        run(suite("test_filters").test_filters_filter, SmallRegister("filter"))
    finding = caught.value.findings[0]
    assert finding.code == "filter.ignored"
    told = [case["parameters"] for case in finding.cases if isinstance(case, dict)]
    assert {"child": identity(2, 0)} in told
    assert any("meta.modified.after" in parameters for parameters in told)


def test_a_filter_that_is_not_supported_is_refused(run: Run) -> None:
    register = SmallRegister()
    register.held["groups"] = [
        {
            "id": identity(4, n),
            "meta": META,
            "displayName": "Grupp",
            "groupType": "Avdelning",
            "organisation": {"id": identity(1, n)},
            "startDate": "2026-01-01",
        }
        for n in range(2)
    ]
    register.defect = "no-group-filters"
    with pytest.raises(NotMet) as caught:
        run(suite("test_filters").test_filters_filter, register)
    assert codes(caught) == {"filter.refused"}


def test_records_that_never_show_leave_the_change_unjudged(run: Run) -> None:
    class Deaf(SmallRegister):
        def seed(self, put: dict[str, list[dict[str, Any]]], remove: dict[str, list[str]]) -> None:
            pass

    with pytest.raises(Inconclusive, match=r"seed\.unseen"):
        run(suite("test_paging").test_pages_lose_and_double_nothing, Deaf(), seeds=True)
