"""Rows as a page tells them: by check, once, advice apart; and a verdict for each agreement that differs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.views.records import TEMPLATES, Run

from kravkoll import views
from kravkoll.contracts.model import Applies
from kravkoll.record.outcome import Finding, Outcome, Verdict
from kravkoll.views.grouping import by_agreement, grouped
from kravkoll.views.report import Report
from kravkoll.views.words import words

OLD = Finding("proto.tls10", "TLS 1.2", "TLS 1.0")


def told(run: Run, folder: Path) -> Report:
    return views.told(run.write(folder))


def agreement(identity: str, *forms: str, status: str = "in-force") -> dict[str, Any]:
    return {
        "id": identity,
        "title": {"sv": identity, "en": identity},
        "systems": [identity],
        "school_forms": list(forms),
        "status": status,
        "from": None,
        "to": None,
    }


def test_met_rows_of_one_check_share_a_line_and_others_stand_alone(tmp_path: Path) -> None:
    run = Run()
    run.need("ENC-01")
    for part in ("api", "login", "web"):
        run.row("ENC-TLS-02", ("ENC-01",), Outcome.MET, part=part)
    run.row("ENC-TLS-03", ("ENC-01",), Outcome.NOT_MET, findings=(OLD,), part="api")
    run.row("ENC-TLS-03", ("ENC-01",), Outcome.NOT_MET, findings=(OLD,), part="web")
    groups = grouped(told(run, tmp_path))["ENC-01"].agreed
    assert [(group.check, group.quiet, len(group.rows)) for group in groups] == [
        ("ENC-TLS-02", True, 3),
        ("ENC-TLS-03", False, 1),
        ("ENC-TLS-03", False, 1),
    ]


def test_a_row_is_told_in_full_under_one_requirement(tmp_path: Path) -> None:
    run = Run()
    run.need("ENC-01")
    run.need("SEC-01")
    run.row("ENC-TLS-02", ("ENC-01", "SEC-01"), Outcome.NOT_MET, findings=(OLD,))
    groups = grouped(told(run, tmp_path))
    assert [group.elsewhere for group in groups["ENC-01"].agreed] == [""]
    assert [group.elsewhere for group in groups["SEC-01"].agreed] == ["ENC-01"]


def test_what_is_newer_than_the_agreed_plan_is_apart_and_finds_nothing_on_the_first_page(
    tmp_path: Path,
) -> None:
    run = Run()
    run.need("ENC-01")
    run.row("ENC-TLS-02", ("ENC-01",), Outcome.MET)
    run.row("ENC-TLS-03", ("ENC-01",), Outcome.NOT_MET, findings=(OLD,))
    run.rows[1] = replace(run.rows[1], advice=True)
    report = told(run, tmp_path)
    groups = grouped(report)["ENC-01"]
    assert [group.check for group in groups.agreed] == ["ENC-TLS-02"]
    assert [group.check for group in groups.advice] == ["ENC-TLS-03"]
    assert report.told(report.requirements[0], words("sv")) == []


def two_agreements(outcome: Outcome) -> Run:
    run = Run(
        header={
            "agreements": [agreement("schedule", "GR", "GY"), agreement("attendance", "FS", status="ending")]
        }
    )
    run.need("ENC-01")
    for system, ended in (("schedule", Outcome.MET), ("attendance", outcome)):
        findings = (OLD,) if ended is Outcome.NOT_MET else ()
        run.row("ENC-TLS-02", ("ENC-01",), ended, findings=findings, part=system)
        run.rows[-1] = replace(run.rows[-1], system=system)
    return run


def test_agreements_that_differ_are_told_apart_with_their_school_forms(tmp_path: Path) -> None:
    run = two_agreements(Outcome.NOT_MET)
    report = told(run, tmp_path)
    parts = by_agreement(report, report.requirements[0])
    assert [(part.agreement["id"], part.verdict) for part in parts] == [
        ("schedule", Verdict.MET),
        ("attendance", Verdict.NOT_MET),
    ]
    page = views.write_all(report, templates=TEMPLATES)["html.sv"].read_text(encoding="utf-8")
    assert "grundskola, gymnasieskola: " in page
    assert "attendance, upphör" in page


def test_agreements_alike_are_not_told_apart(tmp_path: Path) -> None:
    report = told(two_agreements(Outcome.MET), tmp_path)
    assert by_agreement(report, report.requirements[0]) == ()


def test_an_agreement_that_a_requirement_is_not_for_has_no_verdict(tmp_path: Path) -> None:
    run = two_agreements(Outcome.NOT_MET)
    run.requirements[0] = replace(run.requirements[0], applies=Applies(agreements=("schedule",)))
    report = told(run, tmp_path)
    assert [part.agreement["id"] for part in by_agreement(report, report.requirements[0])] == ["schedule"]


def test_places_are_told_in_words(tmp_path: Path) -> None:
    run = Run()
    run.need("ENC-01")
    row = run.row("ENC-TLS-02", ("ENC-01",), Outcome.MET, part="login")
    other = run.row("ENC-TLS-02", ("ENC-01",), Outcome.MET, part="crisis-plan", grade="D")
    unknown = run.row("ENC-TLS-02", ("ENC-01",), Outcome.MET, part="api-2")
    report = told(run, tmp_path)
    assert report.where(row, words("sv")) == "Tempus, inloggningen"
    assert report.where(other, words("sv")) == "plan för krishantering"
    assert report.where(unknown, words("en")) == "Tempus, api-2"
