"""JUnit, Markdown, Allure and the terminal: the same record, each format's own traps kept shut."""

import io
import json
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from rich.console import Console
from tests.views.records import TEMPLATES, Run, typical
from tests.views.test_html import HOSTILE

from kravkoll import views
from kravkoll.record.journal import read
from kravkoll.record.outcome import Finding, Outcome
from kravkoll.views import markdown
from kravkoll.views.report import tell


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Path]:
    typical().write(tmp_path / "run")
    return views.write_all(tmp_path / "run", templates=TEMPLATES, languages=("en", "sv"))


def _hostile() -> Run:
    run = Run(name="<b>Åkes & Söner</b> | `x` @all")
    run.need("ENC-01")
    value = HOSTILE.replace("\ud800", "") + "|`*[a](http://x.example)@someone\n# big"
    found = Finding("x.y", expected=value, actual=value, cases=(value,), tried=2)
    run.row("ENC-TLS-02", ("ENC-01",), Outcome.NOT_MET, findings=(found,), observation=value)
    return run


def test_junit_names_are_row_ids_and_unique(written: dict[str, Path]) -> None:
    report = JUnitXml.fromfile(str(written["junit"]))
    rows, others = list(report)
    assert rows.name == "SIMULERING tempus"
    names = [case.name for suite in report for case in suite]
    assert len(names) == len(set(names))
    assert [case.name for case in rows][:2] == ["ENC-TLS-02@tempus/api", "ENC-TLS-03@tempus/api"]
    assert [case.name for case in others] == ["ENC-02", "ROU-02", "record"]
    assert (rows.tests, rows.failures, rows.skipped, rows.errors) == (7, 3, 2, 0)


def test_junit_says_what_failed_and_why_something_was_not_seen(written: dict[str, Path]) -> None:
    cases = {case.name: case for suite in JUnitXml.fromfile(str(written["junit"])) for case in suite}
    (failure,) = cases["ENC-TLS-02@tempus/api"].result
    assert isinstance(failure, Failure)
    for fact in (
        "Expected: TLS 1.2",
        "Actual: TLS 1.0, TLS 1.1",
        "2 of 4",
        "Mend",
        "kravkoll run --env demo",
    ):
        assert fact in failure.text
    (skipped,) = cases["LOG-SSO-01@tempus/web"].result
    assert isinstance(skipped, Skipped)
    assert skipped.type == "capability.missing:login.start"
    assert cases["ENC-TLS-03@tempus/api"].result == []


def test_junit_of_an_unfinished_run_is_not_green(tmp_path: Path) -> None:
    typical().write(tmp_path / "run", finish=False, results=1)
    path = views.write_all(tmp_path / "run", templates=TEMPLATES)["junit"]
    cases = {case.name: case for suite in JUnitXml.fromfile(str(path)) for case in suite}
    assert isinstance(cases["record"].result[0], Error)
    assert isinstance(cases["ROU-DOC-01@tempus/routine"].result[0], Skipped)


def test_junit_of_our_own_fault_is_an_error(tmp_path: Path) -> None:
    run = Run()
    run.need("ENC-01")
    run.row("ENC-TLS-02", ("ENC-01",), Outcome.ERROR, observation="ZeroDivisionError")
    run.write(tmp_path / "run")
    path = views.write_all(tmp_path / "run", templates=TEMPLATES)["junit"]
    (case,) = next(iter(JUnitXml.fromfile(str(path))))
    assert isinstance(case.result[0], Error)
    assert "ZeroDivisionError" in case.result[0].text


def test_hostile_values_break_no_format(tmp_path: Path) -> None:
    folder = _hostile().write(tmp_path / "run")
    written = views.write_all(folder, templates=TEMPLATES)
    JUnitXml.fromfile(str(written["junit"]))
    text = written["markdown"].read_text(encoding="utf-8")
    for trick in ("<script", "<img", "<b>", "@someone", "http://", "](", "\x1b", "\u202e", "\n# big"):
        assert trick not in text
    table = [line for line in text.splitlines() if line.startswith("| **ENC-01**")]
    assert [line.count("|") for line in table] == [6]


def test_markdown_has_the_headline_and_both_tables(written: dict[str, Path]) -> None:
    text = written["markdown"].read_text(encoding="utf-8")
    assert text.startswith("## SIMULATED (SIMULERING): Tempus AB")
    assert "- 2 of 7 gating requirements are not met" in text
    assert "- 3 gating requirements could not be tested" in text
    assert "### Requirements not met" in text
    assert "### Requirements not tested" in text
    assert "| ENC-02 | There is no check for the requirement yet." in text


def test_markdown_is_cut_with_a_sentence_that_says_so(tmp_path: Path) -> None:
    run = Run()
    for number in range(1, 100):
        run.need(f"ENC-{number:02}")
        found = Finding("x.y", "å" * 300, "ö" * 300)
        run.row(f"ENC-TLS-{number:02}", (f"ENC-{number:02}",), Outcome.NOT_MET, findings=(found,) * 20)
    report = tell(read(run.write(tmp_path / "run")))
    text = markdown.text(report, "en", TEMPLATES)
    assert 1_000_000 < len(text.encode()) <= 1024 * 1024
    assert text.endswith("The summary is cut to the largest size allowed. Everything is in the report.\n")
    assert "99 of 99 gating requirements" in text


def test_allure_has_one_result_a_row(written: dict[str, Path]) -> None:
    results = [
        json.loads(path.read_text(encoding="utf-8")) for path in written["allure"].glob("*-result.json")
    ]
    by_row = {result["fullName"]: result for result in results}
    assert len(by_row) == len(results) == 7
    failed = by_row["ENC-TLS-02@tempus/api"]
    assert failed["status"] == "failed"
    assert failed["name"] == "ENC-TLS-02@tempus/api: The system passes ENC-TLS-02."
    labels = {(label["name"], label["value"]) for label in failed["labels"]}
    assert {
        ("as_id", "ENC-TLS-02@tempus/api"),
        ("supplier", "tempus"),
        ("parentSuite", "SIMULERING tempus"),
        ("requirement", "ENC-01"),
        ("requirement", "SEC-01"),
        ("area", "encryption"),
    } <= labels
    assert "Expected: TLS 1.2" in failed["statusDetails"]["trace"]
    assert by_row["SCH-CON-01@tempus/api"]["status"] == "skipped"
    assert by_row["ENC-TLS-03@tempus/api"]["status"] == "passed"


def test_allure_titles_do_not_depend_on_outcomes(tmp_path: Path) -> None:
    names = []
    for outcome in (Outcome.MET, Outcome.NOT_MET, Outcome.INCONCLUSIVE, Outcome.ERROR):
        run = Run()
        run.need("ENC-01")
        found = (Finding("proto.tls10"),) if outcome is Outcome.NOT_MET else ()
        run.row("ENC-TLS-02", ("ENC-01",), outcome, findings=found)
        run.write(tmp_path / outcome)
        folder = views.write_all(tmp_path / outcome, templates=TEMPLATES)["allure"]
        (path,) = folder.glob("*-result.json")
        result = json.loads(path.read_text(encoding="utf-8"))
        names.append((result["name"], result["historyId"], result["testCaseId"]))
    assert len(set(names)) == 1


@pytest.mark.parametrize(("klass", "attached"), [("supplier", 1), ("security", 0)])
def test_allure_attaches_evidence_at_hand_but_no_attack(tmp_path: Path, klass: str, attached: int) -> None:
    run = typical()
    run.evidence[0]["klass"] = klass
    letters = "b" * 64
    stored = tmp_path / "run" / "evidence" / letters[:2] / letters
    stored.parent.mkdir(parents=True)
    stored.write_text("{}", encoding="utf-8")
    run.write(tmp_path / "run")
    folder = views.write_all(tmp_path / "run", templates=TEMPLATES)["allure"]
    assert len(list(folder.glob("*-attachment.json"))) == attached


def test_allure_leaves_no_results_of_an_earlier_rendering(tmp_path: Path) -> None:
    folder = typical().write(tmp_path / "run")
    for _ in range(2):
        written = views.write_all(folder, templates=TEMPLATES)
    assert len(list(written["allure"].glob("*-result.json"))) == 7


def _printed(folder: Path, language: str = "en", **console: object) -> str:
    out = io.StringIO()
    views.summary(
        folder,
        templates=TEMPLATES,
        language=language,
        console=Console(file=out, width=80, **console),  # type: ignore[arg-type]  # rich's own options
    )
    return out.getvalue()


def test_terminal_ends_with_verdict_and_path_on_one_line(written: dict[str, Path]) -> None:
    last = _printed(written["junit"].parent).splitlines()[-1]
    assert last.startswith(
        "Tempus AB: 2 of 7 gating requirements are not met; 3 gating requirements could not be"
    )
    assert "SIMULATED (SIMULERING): says nothing about the supplier" in last
    assert last.endswith(str(written["html.en"]))


def test_terminal_tells_findings_and_who_must_act(written: dict[str, Path]) -> None:
    text = _printed(written["junit"].parent)
    for fact in (
        "✗ ENC-01",
        "The defect proto.tls10 is there.",
        "Expected: TLS 1.2",
        "Actual: TLS 1.0, TLS 1.1",
        "Repeat: kravkoll run --env demo --supplier tempus --as-of 2026-11-23 --row ENC-TLS-02@tempus/api",
        "See ENC-TLS-02@tempus/api above.",
        "Whoever maintains Kravkoll: Build a check for the requirement.",
    ):
        assert fact in text
    assert text.count("Expected: TLS 1.2") == 1
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_terminal_without_colour_says_the_same(
    written: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = _printed(written["junit"].parent, force_terminal=True)
    assert "\x1b[31m" not in text
    assert "✗" in text


def test_terminal_lets_no_sequence_of_the_subjects_through(tmp_path: Path) -> None:
    text = _printed(_hostile().write(tmp_path / "run"))
    assert "\x1b" not in text
    assert r"\x1b[31m" in text


def test_terminal_says_what_a_partial_and_an_unfinished_run_are_worth(tmp_path: Path) -> None:
    run = Run(kind="test", header={"partial": {"selection": "-k ENC-"}})
    run.need("ENC-01")
    run.row("ENC-TLS-02", ("ENC-01",), Outcome.MET)
    last = _printed(run.write(tmp_path / "run", finish=False)).splitlines()[-1]
    assert "PARTIAL RUN (-k ENC-): accepts nothing" in last
    assert "INCOMPLETE RECORD: accepts nothing" in last
