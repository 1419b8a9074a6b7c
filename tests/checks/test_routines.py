"""Documents are judged by the reviewer's verdict and by the day; deliveries by what the agreement counts."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kravkoll.checks.routines import Threshold, current, expires, judge_delivery, judge_document
from kravkoll.contracts.model import Condition, EvidenceDocument, Text
from kravkoll.record.outcome import Inconclusive, NotExercised, NotMet
from kravkoll.standins import hand_over
from kravkoll.standins.faults import Behaviour

TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)
GOOD = EvidenceDocument(
    id="EV-GOOD", type="crisis-plan", requirements=(), supplier="tempus", scope="", issuer="",
    verdict="accepted", assurance="E", issued=date(2026, 1, 1),
)  # fmt: skip


def said(document: EvidenceDocument | None, day: date = TODAY) -> str:
    """`met`, or the code of what was raised."""
    try:
        judge_document(document, day)
    except NotMet as no:
        return no.findings[0].code
    except NotExercised as unseen:
        return unseen.reason.code
    return "met"


def condition(due: date, closed: date | None = None) -> Condition:
    return Condition(text=Text(sv="Kompletteras.", en="To be completed."), due=due, closed=closed)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "met"),
        ({"verdict": "pending"}, "document.pending"),
        ({"verdict": "rejected"}, "document.rejected"),
        ({"valid_until": TODAY}, "met"),
        ({"valid_until": TODAY - DAY}, "document.expired"),
        ({"issued": TODAY - 10 * DAY, "max_age_days": 10}, "met"),
        ({"issued": TODAY - 11 * DAY, "max_age_days": 10}, "document.expired"),
        ({"next_review": TODAY - 5 * DAY, "grace_days": 5}, "met"),
        ({"next_review": TODAY - 6 * DAY, "grace_days": 5}, "document.expired"),
        ({"valid_until": TODAY + DAY, "next_review": TODAY - DAY}, "document.expired"),
        ({"issued": TODAY + DAY}, "document.absent"),
        ({"valid_from": TODAY + DAY}, "document.absent"),
        ({"reviewed_at": TODAY}, "met"),
        ({"reviewed_at": TODAY + DAY}, "document.pending"),
        ({"verdict": "rejected", "valid_until": TODAY - DAY}, "document.rejected"),
        ({"verdict": "conditional"}, "document.pending"),
        ({"verdict": "conditional", "conditions": (condition(TODAY),)}, "met"),
        ({"verdict": "conditional", "conditions": (condition(TODAY - DAY),)}, "document.condition-overdue"),
        ({"verdict": "conditional", "conditions": (condition(TODAY - DAY, TODAY),)}, "met"),
        (
            {"verdict": "conditional", "conditions": (condition(TODAY - DAY, TODAY + DAY),)},
            "document.condition-overdue",
        ),
        ({"verdict": "accepted", "conditions": (condition(TODAY - DAY),)}, "met"),
    ],
)
def test_a_document_on_a_day(changes: dict[str, object], expected: str) -> None:
    assert said(replace(GOOD, **changes)) == expected  # type: ignore[arg-type]  # one table for all fields


def test_an_absent_document_is_not_exercised() -> None:
    assert said(None) == "document.absent"


def test_the_finding_tells_document_and_day() -> None:
    with pytest.raises(NotMet) as no:
        judge_document(replace(GOOD, valid_until=date(2025, 12, 31)), TODAY)
    (finding,) = no.value.findings
    assert finding.expected == "valid on 2026-11-23"
    assert finding.actual == {
        "document": "EV-GOOD",
        "verdict": "accepted",
        "issued": "2026-01-01",
        "expired": "2025-12-31",
    }


DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(until=st.none() | DAYS, age=st.none() | st.integers(1, 2000), review=st.none() | DAYS, day=DAYS)
def test_an_end_once_passed_stays_passed(
    until: date | None, age: int | None, review: date | None, day: date
) -> None:
    document = replace(GOOD, valid_until=until, max_age_days=age, next_review=review)
    end = expires(document)
    assert (said(document, day) == "document.expired") == (
        day >= document.issued and end is not None and day > end
    )


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, "met"),
        ("document.expired", "document.expired"),
        ("document.aged", "document.expired"),
        ("document.unreviewed", "document.expired"),
        ("document.rejected", "document.rejected"),
        ("document.condition", "document.condition-overdue"),
    ],
)
def test_the_papers_of_a_simulated_supplier(fault: str | None, expected: str) -> None:
    assert said(Behaviour(fault)(hand_over)("crisis-plan", "tempus", TODAY)) == expected


def test_a_newer_document_counts_once_it_is_accepted() -> None:
    newer = replace(GOOD, id="EV-NEWER", issued=TODAY - 5 * DAY, supersedes="EV-GOOD")
    draft = replace(newer, verdict="pending")
    both = [GOOD, newer]
    assert current(both, "tempus", "crisis-plan", TODAY) == newer
    assert current(both, "tempus", "crisis-plan", TODAY - 6 * DAY) == GOOD
    assert current([GOOD, draft], "tempus", "crisis-plan", TODAY) == GOOD
    assert current([draft], "tempus", "crisis-plan", TODAY) == draft
    assert current(both, "tempus", "exit-plan", TODAY) is None
    assert current(both, "unikum", "crisis-plan", TODAY) is None


@dataclass(frozen=True)
class Flaw:
    severity: str = "high"
    confidence: str = "high"
    rule: str = "B602"
    says: str = "shell=True"
    file: str = "a.py"
    line: int = 3


@dataclass(frozen=True)
class Delivery:
    flaws: tuple[Flaw, ...] = ()
    opaque: tuple[str, ...] = ()
    files: tuple[str, ...] = ("a.py", "b.py")


def test_clean_code_is_met() -> None:
    judge_delivery(Delivery(), Threshold())


@pytest.mark.parametrize(
    ("flaw", "counts"),
    [
        (Flaw(), True),
        (Flaw("medium", "medium"), True),
        (Flaw("low"), False),
        (Flaw("high", "low"), False),
        (Flaw("undefined"), True),
    ],
)
def test_the_agreement_says_which_flaws_count(flaw: Flaw, counts: bool) -> None:
    if not counts:
        judge_delivery(Delivery((flaw,)), Threshold())
        return
    with pytest.raises(NotMet) as no:
        judge_delivery(Delivery((flaw,), ("hidden.pyc",)), Threshold())
    (finding,) = no.value.findings
    assert (finding.code, finding.failed, finding.tried) == ("delivery.flaw", 1, 2)


def test_code_that_cannot_be_read_is_never_called_clean() -> None:
    with pytest.raises(Inconclusive, match=r"delivery\.opaque"):
        judge_delivery(Delivery((Flaw("low"),), ("hidden.pyc",)), Threshold())


def test_an_unknown_level_in_the_agreement_is_not_guessed_at() -> None:
    with pytest.raises(NotExercised, match=r"capability\.invalid"):
        Threshold(severity="serious")
