"""The record: complete, ordered, tamper-evident, and readable after a sudden end."""

import json
from pathlib import Path
from typing import Any

import pytest

from kravkoll.record.journal import FORMAT, Journal, read
from kravkoll.record.outcome import Finding, Outcome, Reason
from kravkoll.record.rows import Result, Row

ROWS = tuple(
    Row(
        check=f"ENC-TLS-0{n}",
        supplier="tempus",
        kind="interface",
        place="tempus",
        part="api",
        system="tempus",
        requirements=("ENC-01",),
        needs=("tls.endpoint",),
    )
    for n in (1, 2)
)
FINDING = Finding("proto.tls10", "TLS 1.2", ["TLS 1.0"], ({"port": 443},), 1, 3)


def unchanged(value: Any) -> Any:
    return value


def write(folder: Path, *results: Result, footer: bool = True) -> None:
    with Journal(folder, unchanged) as journal:
        journal.write({"type": "header", "format": FORMAT})
        journal.plan(ROWS)
        for result in results:
            journal.result(result)
        if footer:
            journal.footer(interrupted=None)


BREACH = Result(row=ROWS[0].id, outcome=Outcome.NOT_MET, findings=(FINDING,), evidence=("sha256:1",))
UNSEEN = Result(row=ROWS[1].id, outcome=Outcome.INCONCLUSIVE, reason=Reason("subject.timeout", "443"))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, BREACH, UNSEEN)
    record = read(tmp_path)
    assert record.complete
    assert record.faults == ()
    assert record.rows == {row.id: row for row in ROWS}
    assert record.results == {BREACH.row: BREACH, UNSEEN.row: UNSEEN}
    assert record.footer is not None
    assert record.footer["counts"] == {"not-met": 1, "inconclusive": 1}


def test_rows_that_were_never_reached_are_inconclusive(tmp_path: Path) -> None:
    write(tmp_path, BREACH, footer=False)
    record = read(tmp_path)
    assert not record.complete
    assert record.results[ROWS[1].id].reason == Reason("run.ended")
    assert record.results[ROWS[1].id].outcome is Outcome.INCONCLUSIVE
    assert any("no footer" in fault for fault in record.faults)


def test_a_waiting_result_is_none_yet(tmp_path: Path) -> None:
    with Journal(tmp_path, unchanged) as journal:
        journal.write({"type": "header", "format": FORMAT})
        journal.plan(ROWS)
        journal.waiting(Result(row=ROWS[0].id, outcome=Outcome.MET))
    assert read(tmp_path).results[ROWS[0].id].reason == Reason("run.ended")


def test_a_footer_of_an_unfinished_run_says_so(tmp_path: Path) -> None:
    write(tmp_path, BREACH)
    record = read(tmp_path)
    assert record.footer is not None
    assert record.footer["complete"] is False
    assert not record.complete


def test_a_changed_line_is_found_out(tmp_path: Path) -> None:
    write(tmp_path, BREACH, UNSEEN)
    file = tmp_path / "results.jsonl"
    file.write_text(file.read_text().replace('"not-met"', '"met"', 1))
    assert any("digest chain" in fault for fault in read(tmp_path).faults)


def test_a_cut_off_line_is_a_fault_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, BREACH, footer=False)
    file = tmp_path / "results.jsonl"
    file.write_bytes(file.read_bytes() + b'{"type": "result", "row": "ENC')
    record = read(tmp_path)
    assert record.results[BREACH.row] == BREACH
    assert any("cut off" in fault for fault in record.faults)


@pytest.mark.parametrize("line", [{"type": "result"} | BREACH.line(), ROWS[0].line()])
def test_doubles_are_faults(tmp_path: Path, line: dict[str, Any]) -> None:
    write(tmp_path, BREACH, footer=False)
    file = tmp_path / "results.jsonl"
    file.write_text(file.read_text() + json.dumps(line, default=str) + "\n")
    assert any("second result" in fault or "planned twice" in fault for fault in read(tmp_path).faults)


def test_an_unplanned_result_is_refused_and_found_out(tmp_path: Path) -> None:
    stranger = Result(row="ENC-TLS-09@x/y", outcome=Outcome.MET)
    with pytest.raises(ValueError, match="not planned"):
        write(tmp_path, stranger)
    file = tmp_path / "results.jsonl"
    file.write_text(file.read_text() + json.dumps(stranger.line()) + "\n")
    assert any("was not planned" in fault for fault in read(tmp_path).faults)


def test_zero_executed_is_a_fault(tmp_path: Path) -> None:
    away = [Result(row=row.id, outcome=Outcome.NOT_APPLICABLE, reason=Reason("x")) for row in ROWS]
    write(tmp_path, *away)
    assert any("no row was executed" in fault for fault in read(tmp_path).faults)


def test_a_lone_surrogate_is_written_as_an_escape(tmp_path: Path) -> None:
    odd = Result(row=ROWS[0].id, outcome=Outcome.ERROR, observation="broken \udc80 text")
    write(tmp_path, odd, UNSEEN)
    assert read(tmp_path).results[odd.row].observation == odd.observation
