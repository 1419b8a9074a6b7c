"""Roll-up is total, does not depend on order, and never gets better when a row gets worse."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kravkoll.contracts.model import Gate, Requirement, Source, Text, Waiver
from kravkoll.record.outcome import Outcome, Verdict
from kravkoll.record.rollup import UNSEEN, Exit, Rolled, Seen, exit_code, roll_up, valid_waiver, worst

REQUIREMENT = Requirement(
    id="ENC-01",
    text=Text(sv="Kryptera.", en="Encrypt."),
    level="shall",
    area="encryption",
    basis="contract",
    verify="test",
    source=Source(),
    valid_from=date(2023, 10, 26),
)
LAW = replace(REQUIREMENT, basis="law")
GOODNESS = {
    Verdict.NOT_MET: 0,
    Verdict.WAIVED: 0,
    Verdict.NOT_TESTED: 1,
    Verdict.ATTESTED: 2,
    Verdict.MET: 3,
    Verdict.NOT_APPLICABLE: 4,
}

kinds = st.sampled_from(["interface", "flow", "document"])
grades = st.sampled_from(["A", "B", "C", "D", "E", ""])
rows = st.builds(Seen, kinds, st.sampled_from(list(Outcome)), grades, st.just(""))
requirements = st.builds(
    lambda verify, basis, grade: replace(REQUIREMENT, verify=verify, basis=basis, lowest_grade=grade),
    st.sampled_from(["test", "document", "both"]),
    st.sampled_from(["contract", "law", "practice", "interpretation", "proposal"]),
    st.sampled_from([None, "A", "B", "D", "E"]),
)


@given(requirements, st.lists(rows, max_size=6), st.booleans(), st.booleans())
def test_total(requirement: Requirement, seen: list[Seen], simulated: bool, waived: bool) -> None:
    assert roll_up(requirement, seen, simulated=simulated, waived=waived).verdict in Verdict


@given(
    requirements,
    st.lists(rows, max_size=6).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))),
)
def test_order_free(requirement: Requirement, pair: tuple[list[Seen], list[Seen]]) -> None:
    one, other = pair
    assert (
        roll_up(requirement, one, simulated=False).verdict
        is roll_up(requirement, other, simulated=False).verdict
    )


@given(requirements, st.lists(rows, min_size=1, max_size=5), st.data())
def test_a_worse_row_never_makes_a_better_verdict(
    requirement: Requirement, seen: list[Seen], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(seen) - 1))
    if seen[index].outcome is Outcome.NOT_APPLICABLE:
        return
    ladder = [Outcome.MET, Outcome.INCONCLUSIVE, Outcome.NOT_MET]
    rung = 0 if seen[index].outcome is Outcome.MET else 1 if seen[index].outcome in UNSEEN else 2
    for lower in ladder[rung + 1 :]:
        worse = [*seen[:index], replace(seen[index], outcome=lower), *seen[index + 1 :]]
        before = roll_up(requirement, seen, simulated=False).verdict
        after = roll_up(requirement, worse, simulated=False).verdict
        assert GOODNESS[after] <= GOODNESS[before]


@given(st.lists(rows, max_size=5))
def test_never_met_without_a_met_row(seen: list[Seen]) -> None:
    rolled = roll_up(REQUIREMENT, seen, simulated=True)
    if rolled.verdict in (Verdict.MET, Verdict.ATTESTED):
        assert any(row.outcome is Outcome.MET for row in seen)
        assert not any(row.outcome in UNSEEN | {Outcome.NOT_MET} for row in seen)


@pytest.mark.parametrize(
    ("verify", "seen", "expected"),
    [
        ("test", [], "not-tested"),
        ("test", [Seen("interface", Outcome.MET, "B")], "met"),
        ("test", [Seen("interface", Outcome.MET, "C")], "not-tested"),
        ("test", [Seen("document", Outcome.MET, "D")], "not-tested"),
        ("document", [Seen("document", Outcome.MET, "E")], "attested"),
        ("both", [Seen("document", Outcome.MET, "E")], "not-tested"),
        ("both", [Seen("interface", Outcome.MET, "B")], "not-tested"),
        ("both", [Seen("interface", Outcome.MET, "B"), Seen("document", Outcome.MET, "E")], "met"),
        ("test", [Seen("interface", Outcome.NOT_APPLICABLE)], "not-applicable"),
        ("test", [Seen("interface", Outcome.MET, "A"), Seen("interface", Outcome.ERROR)], "not-tested"),
    ],
)
def test_the_definition_by_example(verify: str, seen: list[Seen], expected: str) -> None:
    requirement = replace(REQUIREMENT, verify=verify)  # type: ignore[arg-type]  # the table holds the three words
    assert roll_up(requirement, seen, simulated=False).verdict == expected


def test_a_document_from_its_own_supplier_may_be_too_little() -> None:
    requirement = replace(REQUIREMENT, verify="document", lowest_grade="D")
    assert roll_up(requirement, [Seen("document", Outcome.MET, "E")], simulated=False).reason == "grade.below"
    assert (
        roll_up(requirement, [Seen("document", Outcome.MET, "D")], simulated=False).verdict
        is Verdict.ATTESTED
    )


def test_a_waiver_replaces_not_met_but_never_for_law() -> None:
    breach = [Seen("interface", Outcome.NOT_MET, "B")]
    assert roll_up(REQUIREMENT, breach, simulated=False, waived=True).verdict is Verdict.WAIVED
    assert roll_up(LAW, breach, simulated=False, waived=True).verdict is Verdict.NOT_MET


def test_a_waiver_for_what_is_met_is_told() -> None:
    seen = [Seen("interface", Outcome.MET, "B")]
    assert roll_up(REQUIREMENT, seen, simulated=False, waived=True) == Rolled(
        Verdict.MET, waived_though_met=True
    )


def test_an_expired_waiver_counts_as_none() -> None:
    text = Text(sv="Text.", en="Text.")
    now = datetime(2026, 11, 23, tzinfo=UTC)
    waiver = Waiver(
        requirement="ENC-01", supplier="tempus", reason=text, risk=text, approver="CISO", decision="1",
        compensating=text, valid_from=now - timedelta(days=30), until=now - timedelta(days=1),
    )  # fmt: skip
    assert valid_waiver([waiver], "ENC-01", "tempus", now) is None
    assert valid_waiver([waiver], "ENC-01", "tempus", now - timedelta(days=2)) is waiver


GATE = Gate(phase="acceptance", decides="the board")


def code(
    verdict: Verdict,
    *,
    basis: str = "contract",
    errors: int = 0,
    gate: Gate = GATE,
    interrupted: bool = False,
) -> Exit:
    requirement = replace(REQUIREMENT, basis=basis)  # type: ignore[arg-type]  # the callers use known words
    return exit_code(
        {"ENC-01": Rolled(verdict)}, {"ENC-01": requirement}, gate, errors=errors, interrupted=interrupted
    )


def test_exit_codes() -> None:
    assert code(Verdict.MET) is Exit.HOLDS
    assert code(Verdict.WAIVED) is Exit.HOLDS
    assert code(Verdict.NOT_MET) is Exit.NOT_MET
    assert code(Verdict.NOT_TESTED) is Exit.UNTESTED
    assert code(Verdict.NOT_MET, basis="proposal") is Exit.HOLDS
    assert code(Verdict.NOT_MET, errors=1) is Exit.OUR_FAULT
    assert code(Verdict.NOT_MET, interrupted=True) is Exit.INTERRUPTED
    assert code(Verdict.NOT_TESTED, gate=replace(GATE, untested_blocks="none")) is Exit.HOLDS


@given(st.sets(st.sampled_from(list(Exit)), min_size=1))
def test_precedence(codes: set[Exit]) -> None:
    order = [4, 3, 2, 1, 5, 0]
    assert int(worst(codes)) == min(codes, key=lambda one: order.index(int(one)))
