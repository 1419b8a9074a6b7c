"""A plan that was frozen decides: what is newer is run and told, and counts for nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest
import yaml

from kravkoll import views
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.workspace import Workspace as Contracts
from kravkoll.contracts.workspace import load
from kravkoll.record import frozen_plan
from kravkoll.record.assessment import Assessment, assess
from kravkoll.record.frozen_plan import FrozenPlan
from kravkoll.record.journal import Journal, read
from kravkoll.record.outcome import Finding, Outcome, Verdict
from kravkoll.record.rollup import Exit
from kravkoll.record.rows import Result
from kravkoll.runner import header
from kravkoll.runner.freezing import Followed, compare, follow, freeze
from kravkoll.runner.plan import plan
from kravkoll.runner.selecting import gate
from kravkoll.views import plan_document
from kravkoll.views.report import tell
from kravkoll.views.words import words

DAY = date(2026, 11, 23)
TEMPLATES = packaged() / "reports" / "templates"

type Change = Callable[[Contracts], Contracts]


@pytest.fixture(scope="module")
def workspace() -> Contracts:
    return load(Layout(packaged()))


@pytest.fixture(scope="module")
def frozen(workspace: Contracts) -> FrozenPlan:
    return today(workspace)


def today(workspace: Contracts) -> FrozenPlan:
    return freeze(workspace, plan(workspace, "tempus", DAY), workspace.environment("demo"), DAY)


@pytest.fixture
def file(frozen: FrozenPlan, tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    frozen_plan.write(frozen, path)
    return path


def followed(workspace: Contracts, file: Path) -> Followed:
    return follow(file, workspace, plan(workspace, "tempus", DAY), workspace.environment("demo"), DAY)


def changed(workspace: Contracts, check: str, **fields: object) -> Contracts:
    cards = {**workspace.checks, check: replace(workspace.checks[check], **fields)}  # type: ignore[arg-type] # any field
    return replace(workspace, checks=cards)


def without(workspace: Contracts, check: str) -> Contracts:
    return replace(workspace, checks={i: c for i, c in workspace.checks.items() if i != check})


def judged(workspace: Contracts, file: Path, folder: Path, unmet: tuple[str, ...] = ()) -> Assessment:
    """A record of a run that follows the plan; every row is met but those of the checks named."""
    run = _Run(workspace, followed(workspace, file))
    with Journal(folder, lambda line: line) as journal:
        for line in header.lines(run):  # type: ignore[arg-type] # as much of a run as the header asks for
            journal.write(line)
        journal.plan(run.plan.rows)
        for row in run.plan.rows:
            bad = row.check in unmet
            findings = (Finding(next(iter(workspace.checks[row.check].findings))),) if bad else ()
            outcome = Outcome.NOT_MET if bad else Outcome.MET
            grade = "E" if row.kind == "document" else "C"
            journal.result(Result(row=row.id, outcome=outcome, findings=findings, grade=grade))
        journal.footer(finished="2026-11-23T12:00:00+01:00", interrupted=None)
    return assess(read(folder))


class _Run:
    """What a record's header is made from."""

    def __init__(self, workspace: Contracts, followed: Followed) -> None:
        from datetime import datetime  # noqa: PLC0415  # for this alone

        from kravkoll.runner.assessing import Order  # noqa: PLC0415  # as above

        self.workspace, self.followed, self.plan = workspace, followed, followed.plan
        self.environment = workspace.environment("demo")
        self.rule, self.gate = gate(workspace, "", "acceptance")
        self.order = Order(layout=workspace.layout, environment="demo", supplier="tempus", as_of=DAY)
        self.started = datetime.now().astimezone()
        self.run_id, self.selection = "run", ""


# -- the file ------------------------------------------------------------------------------------------------


def test_everything_that_was_agreed_stands_in_the_file(frozen: FrozenPlan, workspace: Contracts) -> None:
    assert set(frozen.requirements) == set(workspace.requirements)
    assert set(frozen.rows) == {row.id for row in plan(workspace, "tempus", DAY).rows}
    assert all(len(check["digest"]) == len(check["program"]) == 64 for check in frozen.checks.values())
    assert {profile["id"] for profile in frozen.data["profiles"]} == set(workspace.profiles)
    assert {"workspace", "catalogue", "faults", "effort", "needs"} <= set(frozen.data)


def test_a_changed_file_is_refused(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8").replace("krypterad", "okrypterad", 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="was changed after it was frozen"):
        frozen_plan.read(file)


def test_a_frozen_plan_is_never_written_over(frozen: FrozenPlan, file: Path) -> None:
    with pytest.raises(ConfigurationError, match="never written over"):
        frozen_plan.write(frozen, file)


@pytest.mark.parametrize(
    ("text", "told"), [("{", "is no frozen plan"), ("{}", "of format"), ("[]", "of format")]
)
def test_another_file_is_named_as_such(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=told):
        frozen_plan.read(path)


def test_a_plan_of_another_supplier_is_refused(file: Path, workspace: Contracts) -> None:
    with pytest.raises(ConfigurationError, match="frozen for supplier 'tempus', not 'ber-supplier'"):
        follow(file, workspace, plan(workspace, "ber-supplier", DAY), workspace.environment("demo"), DAY)


# -- what differs --------------------------------------------------------------------------------------------


def test_the_same_workspace_changes_nothing(frozen: FrozenPlan, workspace: Contracts) -> None:
    assert compare(frozen, today(workspace)).as_json() == {}


def test_better_words_are_no_change_but_another_sentence_is(frozen: FrozenPlan, workspace: Contracts) -> None:
    card = workspace.checks["ENC-TLS-02"]
    better = changed(workspace, card.id, why=replace(card.why, en="Better said."))
    assert compare(frozen, today(better)).as_json() == {}
    other = changed(workspace, card.id, sentence=replace(card.sentence, en="Only 1.3 is accepted."))
    assert compare(frozen, today(other)).as_json() == {"changed_checks": ["ENC-TLS-02"]}


def test_each_kind_of_change_is_named(frozen: FrozenPlan, workspace: Contracts) -> None:
    later = without(workspace, "SEC-MIN-01")
    first, second = later.requirements["ENC-01"], later.requirements["ENC-02"]
    more = {i: r for i, r in later.requirements.items() if i != "ENC-02"}
    more["ENC-01"] = replace(first, text=replace(first.text, sv="Allt ska krypteras."))
    more["ENC-91"] = replace(second, id="ENC-91")
    told = compare(frozen, today(replace(later, requirements=more)))
    assert "SEC-MIN-01" in told.gone_checks
    assert (told.new_requirements, told.gone_requirements) == (("ENC-91",), ("ENC-02",))
    assert told.changed_requirements == ("ENC-01",)


# -- verdicts ------------------------------------------------------------------------------------------------


def test_a_run_names_the_plan_that_it_follows(file: Path, workspace: Contracts, tmp_path: Path) -> None:
    record = judged(workspace, file, tmp_path / "run").record
    assert record.header["frozen_plan"]["digest"] == frozen_plan.read(file).digest
    assert not any(row.advice for row in record.rows.values())
    pages = views.write_all(views.told(tmp_path / "run"), templates=TEMPLATES)
    assert "Fryst plan" in pages["html.sv"].read_text(encoding="utf-8")


def test_a_changed_check_is_advice_and_the_agreed_one_not_tested(
    file: Path, workspace: Contracts, tmp_path: Path
) -> None:
    card = workspace.checks["ENC-TLS-02"]
    stricter = changed(workspace, card.id, sentence=replace(card.sentence, en="Only 1.3 is accepted."))
    seen = judged(stricter, file, tmp_path / "run", unmet=("ENC-TLS-02",))
    assert seen.requirements["ENC-01"].verdict is Verdict.NOT_TESTED
    assert seen.requirements["ENC-01"].rolled.reason == "plan.check-changed:ENC-TLS-02"
    assert all(row.advice == (row.check == "ENC-TLS-02") for row in seen.record.rows.values())
    assert seen.exit is not Exit.NOT_MET
    text = views.write_all(views.told(tmp_path / "run"), templates=TEMPLATES)["html.sv"].read_text("utf-8")
    assert "Kontrollen har ändrats sedan planen frystes" in text
    assert "ändrade kontroller: ENC-TLS-02" in text


def test_a_gone_check_leaves_its_requirement_not_tested(
    file: Path, workspace: Contracts, tmp_path: Path
) -> None:
    seen = judged(without(workspace, "ENC-TLS-03"), file, tmp_path / "run")
    assert seen.requirements["ENC-01"].rolled.reason == "plan.check-gone:ENC-TLS-03"


def test_a_newer_check_counts_for_nothing(workspace: Contracts, tmp_path: Path) -> None:
    """Not in the verdict, not in the exit code, not as a failed case of JUnit."""
    older = without(workspace, "ENC-TLS-02")
    path = tmp_path / "older.json"
    frozen_plan.write(today(older), path)
    seen = judged(workspace, path, tmp_path / "run", unmet=("ENC-TLS-02",))
    assert seen.requirements["ENC-01"].verdict is Verdict.MET
    advice = [row for row in seen.record.rows.values() if row.advice]
    assert {row.check for row in advice} == {"ENC-TLS-02"}
    written = views.write_all(views.told(tmp_path / "run"), templates=TEMPLATES)
    assert "<failure" not in written["junit"].read_text(encoding="utf-8")
    assert "ENC-TLS-02@tempus/api" in written["html.sv"].read_text(encoding="utf-8")


def test_a_requirement_that_came_later_is_advice(workspace: Contracts, tmp_path: Path) -> None:
    older = replace(
        workspace, requirements={i: r for i, r in workspace.requirements.items() if i != "ENC-01"}
    )
    path = tmp_path / "older.json"
    frozen_plan.write(today(older), path)
    seen = judged(workspace, path, tmp_path / "run", unmet=("ENC-TLS-02",))
    later = seen.requirements["ENC-01"]
    assert (later.advice, later.verdict) == (True, Verdict.NOT_MET)
    assert later not in seen.gating(Verdict.NOT_MET)
    assert "ENC-01" not in {item.requirement.id for item in tell(seen.record).gating}


def test_a_requirement_is_judged_by_the_text_that_was_agreed(
    file: Path, workspace: Contracts, tmp_path: Path
) -> None:
    first = workspace.requirements["ENC-01"]
    softer = replace(
        workspace, requirements={**workspace.requirements, "ENC-01": replace(first, level="should")}
    )
    seen = judged(softer, file, tmp_path / "run", unmet=("ENC-TLS-02",))
    assert seen.requirements["ENC-01"].requirement.level == "shall"
    assert seen.exit is Exit.NOT_MET


def test_an_error_of_a_newer_check_is_not_the_runs(workspace: Contracts, tmp_path: Path) -> None:
    path = tmp_path / "older.json"
    frozen_plan.write(today(without(workspace, "ENC-TLS-02")), path)
    folder = tmp_path / "run"
    judged(workspace, path, folder)
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    rewritten = [json.loads(line) for line in lines]
    for line in rewritten:
        if line["type"] == "result" and line["row"].startswith("ENC-TLS-02"):
            line["outcome"] = "error"
    (folder / "results.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in rewritten), encoding="utf-8"
    )
    record = replace(read(folder), faults=())
    assert assess(record).exit is not Exit.OUR_FAULT


# -- documents -----------------------------------------------------------------------------------------------


def test_the_documents_tell_method_needs_hours_digests_and_leave_room(file: Path, frozen: FrozenPlan) -> None:
    written = plan_document.write_all(frozen, file, TEMPLATES)
    text = written["html.sv"].read_text(encoding="utf-8")
    assert "<script" not in text
    for said in ("SIMULERING", "Vad som behövs av leverantören", "Uppskattade timmar", frozen.digest,
                 "Ja, vi godtar metoden", "Invändning:", "krypterad anslutning", "Underskrift"):  # fmt: skip
        assert said in text
    for identity, line in frozen.requirements.items():
        assert (f'id="{identity}"' in text) == (not line["not_applicable"].startswith("requirement."))
    book = openpyxl.load_workbook(written["xlsx.sv"])
    rows = list(book.worksheets[0].iter_rows(min_row=6, values_only=True))
    assert {row[0] for row in rows} <= set(frozen.requirements)
    assert all(row[8] is None and row[9] is None for row in rows)
    assert book.worksheets[2]["B2"].value == frozen.digest


def test_hours_count_a_need_once_a_place(frozen: FrozenPlan, workspace: Contracts) -> None:
    document = plan_document.Document(frozen, words("en", TEMPLATES))
    assert len({(need.name, need.place) for need in document.needs}) == len(document.needs)
    assert document.hours == sum(need.hours for need in document.needs) > 0
    per_requirement = [item.hours for _, items in document.areas() for item in items]
    assert sum(per_requirement) > document.hours  # shared needs stand under each requirement


def test_every_need_has_an_estimate() -> None:
    from typing import get_args  # noqa: PLC0415  # for this test alone

    from kravkoll.contracts.model import Capability, Need  # noqa: PLC0415  # as above

    known = yaml.safe_load((TEMPLATES / "plan_hours.yaml").read_text(encoding="utf-8"))["needs"]
    literal = next(part for part in get_args(Need.__value__) if part is not Capability)
    needs = {*get_args(Capability.__value__), *get_args(literal)}
    assert needs - set(known) == set()
