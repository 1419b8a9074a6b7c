"""When a duel is won: the expected check, for the right reason, and nothing else changed."""

from kravkoll.contracts.cards import FaultCard
from kravkoll.contracts.model import Text
from kravkoll.record.outcome import Finding, Outcome, Reason
from kravkoll.record.rows import Result, Row
from kravkoll.runner.duels import judge

TEXT = Text(sv="Text.", en="Text.")
CARD = FaultCard(
    id="api.paging.offset", applies_to=("ber",), sentence=TEXT, expect={"SCH-PAG-01": "paging.lost"},
    may_change=("SCH-FIL-01",),
)  # fmt: skip


def row(check: str, control: str = "") -> Row:
    return Row(
        check=check, supplier="ber-supplier", kind="interface", place="ber", part="api", system="ber",
        requirements=(), control=f"{control}@ber/api" if control else "",
    )  # fmt: skip


ROWS = {
    made.id: made
    for made in (
        row("LOG-API-01"),
        row("SCH-PAG-01", "LOG-API-01"),
        row("SCH-FIL-01"),
        row("SCH-CON-01", "SCH-PAG-01"),
    )
}
HONEST = dict.fromkeys(ROWS, "met")
CAUGHT = Result(row="SCH-PAG-01@ber/api", outcome=Outcome.NOT_MET, findings=(Finding("paging.lost"),))
MET = Result(row="LOG-API-01@ber/api", outcome=Outcome.MET)


def complaints(*results: Result) -> list[str]:
    return judge(CARD, {result.row: result for result in results}, ROWS, HONEST)[1]


def test_won() -> None:
    assert complaints(CAUGHT, MET) == []


def test_an_empty_run_is_lost() -> None:
    assert any("no row was run" in complaint for complaint in complaints())


def test_a_blind_check_is_lost() -> None:
    blind = Result(row=CAUGHT.row, outcome=Outcome.MET)
    assert complaints(blind, MET) == ["SCH-PAG-01 should say paging.lost, but said met"]


def test_the_wrong_reason_is_lost() -> None:
    other = Result(row=CAUGHT.row, outcome=Outcome.NOT_MET, findings=(Finding("paging.doubled"),))
    assert complaints(other, MET) == ["SCH-PAG-01 should say paging.lost, but said paging.doubled"]


def test_a_stray_change_is_lost_unless_it_is_allowed() -> None:
    stray = Result(row=MET.row, outcome=Outcome.NOT_MET, findings=(Finding("RS-02"),))
    allowed = Result(row="SCH-FIL-01@ber/api", outcome=Outcome.NOT_MET, findings=(Finding("filter.ignored"),))
    assert any(
        "LOG-API-01@ber/api is not-met (RS-02)" in complaint for complaint in complaints(CAUGHT, stray)
    )
    assert complaints(CAUGHT, MET, allowed) == []


def test_a_dependent_may_fall_with_its_control_alone() -> None:
    fallen = Result(row="SCH-CON-01@ber/api", outcome=Outcome.NOT_EXERCISED, reason=Reason("control.failed"))
    assert complaints(CAUGHT, MET, fallen) == []
    without_cause = Result(
        row="SCH-PAG-01@ber/api", outcome=Outcome.NOT_EXERCISED, reason=Reason("control.failed")
    )
    assert complaints(without_cause, MET)
