"""Runs collected items in an order that gives every negative check its control before and after."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from _pytest.runner import runtestprotocol

from kravkoll.contracts.cards import CheckCard
from kravkoll.record.outcome import NotExercised, Outcome, Reason
from kravkoll.record.rows import Result, Row
from kravkoll.runner.judging import MET, Judgement, judge, our_error

ROW = pytest.StashKey[Row]()
JUDGED = pytest.StashKey[dict[str, Judgement]]()
NOTES = pytest.StashKey[list[object]]()
EFFECT_ORDER = {"read": 0, "load": 1, "cross-user": 2, "write": 3}

type Sink = Callable[[Row, Result, bool], None]
"""Takes a row's result; True where the result only waits for its control to hold afterwards."""


def ordered(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Place by place; in a place controls before their dependents, and what changes the subject last."""
    rows = {item.stash[ROW].id: item.stash[ROW] for item in items}

    def depth(row: Row) -> int:
        return 1 + depth(rows[row.control]) if row.control in rows else 0

    def effect(row: Row) -> int:
        own = EFFECT_ORDER[row.effect]
        return max(own, effect(rows[row.control])) if row.control in rows else own

    def key(item: pytest.Item) -> tuple[str, str, int, int, str]:
        row = item.stash[ROW]
        return (row.place, row.part, effect(row), depth(row), row.id)

    return sorted(items, key=key)


@dataclass(slots=True)
class Execution:
    """One pass over the items of one platform. `repeat` runs each control once more after its dependents."""

    cards: Mapping[str, CheckCard]
    sink: Sink
    grade_of: Callable[[Row], str]
    repeat: bool = True
    forget: Callable[[], None] = lambda: None
    """Drops what was seen before, so that a control's second run looks afresh."""
    results: dict[str, Result] = field(default_factory=dict)

    def run(self, items: Sequence[pytest.Item], session: pytest.Session | None = None) -> None:
        """Run all items; stops early where the session says so, leaving rows without a result."""
        sequence = ordered(items)
        by_row = {item.stash[ROW].id: item for item in sequence}
        last_use = {
            item.stash[ROW].control: index for index, item in enumerate(sequence) if item.stash[ROW].control
        }
        held: dict[str, list[_Held]] = {}
        for index, item in enumerate(sequence):
            following = sequence[index + 1] if index + 1 < len(sequence) else None
            again = [c for c, end in last_use.items() if end == index and c in by_row and self.repeat]
            # a control may stand in another module than the next item: pytest must take everything down first
            beside = None if again else following
            self._one(item, beside, held, waits=self.repeat and item.stash[ROW].control in by_row)
            for control in again:
                self._control_again(by_row[control], None, held.pop(control, []))
            if session is not None and (session.shouldstop or session.shouldfail):
                raise session.Interrupted(str(session.shouldstop or session.shouldfail))

    def _one(
        self, item: pytest.Item, following: pytest.Item | None, held: "dict[str, list[_Held]]", *, waits: bool
    ) -> None:
        row = item.stash[ROW]
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = _protocol(item, following)
        result = self._result(item, reports)
        # evidence of a breach stands, whatever becomes of the control
        if waits and result.outcome is Outcome.MET:
            self.sink(row, result, True)
            held.setdefault(row.control, []).append(_Held(item, reports, result))
            self.results[row.id] = result
            return
        self._final(item, reports, result)

    def _control_again(
        self, control: pytest.Item, following: pytest.Item | None, held: "list[_Held]"
    ) -> None:
        """A control that fails now makes what was met inconclusive; evidence of a breach stands."""
        if not held:
            return
        before = self.results.get(control.stash[ROW].id)
        holds = before is not None and before.outcome is Outcome.MET
        if holds:
            self.forget()
            holds = self._result(control, _protocol(control, following)).outcome is Outcome.MET
        for waiting in held:
            result = waiting.result
            if not holds:
                reason = Reason("subject.broke", control.stash[ROW].id)
                result = replace(result, outcome=Outcome.INCONCLUSIVE, reason=reason)
                _overturn(waiting.reports, str(reason))
            self._final(waiting.item, waiting.reports, result)

    def _final(self, item: pytest.Item, reports: list[pytest.TestReport], result: Result) -> None:
        row = item.stash[ROW]
        self.results[row.id] = result
        self.sink(row, result, False)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _result(self, item: pytest.Item, reports: list[pytest.TestReport]) -> Result:
        judged = item.stash.get(JUDGED, {})
        called = any(report.when == "call" for report in reports)
        main = judged.get("setup") or judged.get("call")
        if main is None:  # only a check that was called, and said nothing, is met
            main = MET if called else our_error("check.not-called", "it was set up only")
        teardown = judged.get("teardown")
        beside = (teardown.observation or "teardown failed",) if teardown else ()
        if teardown and main.outcome is Outcome.MET:
            main = teardown
        return Result(
            row=item.stash[ROW].id,
            outcome=main.outcome,
            reason=main.reason,
            findings=main.findings,
            observation=main.observation,
            grade=self.grade_of(item.stash[ROW]),
            seconds=round(sum(report.duration for report in reports), 4),
            beside=beside,
        )

    def gate(self, row: Row) -> None:
        """Raise NotExercised where the row's control did not hold."""
        if not row.control:
            return
        control = self.results.get(row.control)
        if control is None:
            raise NotExercised("control.not-run", row.control)
        if control.outcome is not Outcome.MET:
            raise NotExercised("control.failed", row.control)


@dataclass(frozen=True, slots=True)
class _Held:
    item: pytest.Item
    reports: list[pytest.TestReport]
    result: Result


def _protocol(item: pytest.Item, following: pytest.Item | None) -> list[pytest.TestReport]:
    item.stash[JUDGED] = {}
    item.stash[NOTES] = []
    return runtestprotocol(item, log=False, nextitem=following)


def _overturn(reports: list[pytest.TestReport], reason: str) -> None:
    for report in reports:
        if report.when == "call" and report.outcome == "passed":
            skip_report(report, reason)


def skip_report(report: pytest.TestReport, reason: str) -> None:
    """Make a report read as skipped with a reason, as JUnit and Allure understand it."""
    report.outcome = "skipped"
    path, line, _ = report.location
    report.longrepr = (path, line or 0, reason)


def note_judgement(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, card: CheckCard
) -> None:
    """Turn what a phase raised into a judgement, and make pytest's report agree with it."""
    if call.excinfo is None:
        return
    error = call.excinfo.value
    judgement = judge(error, card) if call.when != "teardown" else our_error("check.teardown", error)
    item.stash[JUDGED][str(call.when)] = judgement
    if judgement.outcome in (Outcome.INCONCLUSIVE, Outcome.NOT_EXERCISED):
        skip_report(report, f"{judgement.outcome}: {judgement.reason}")
    else:
        report.outcome = "failed"
        report.longrepr = (
            "\n".join(_told(judgement, card)) if judgement.outcome is Outcome.NOT_MET else report.longrepr
        )


def _told(judgement: Judgement, card: CheckCard) -> Iterator[str]:
    for finding in judgement.findings:
        text = card.findings[finding.code]
        yield f"{finding.code}: {text.says.en}"
        yield f"  expected: {finding.expected}"
        yield f"  actual:   {finding.actual}"
        yield f"  cases:    {finding.failed} of {finding.tried}"
        yield f"  remedy:   {text.remedy.en}"
