"""The Stockholm workspace says everything that its source says, and nothing that the source does not."""

import hashlib
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from kravkoll.contracts.layout import Layout
from kravkoll.contracts.model import Source
from kravkoll.contracts.workspace import Workspace, load, load_trusted

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
SEED = sorted((SHARED / "seed").glob("*.txt"))
DRAFT = SHARED / "catalogue" / "requirements-draft.yaml"
ROWS = [f"S{number:02d}" for number in range(1, 85)]

SUPPLIERS = {
    "ber-supplier": {"ber"},
    "unikum": {"unikum"},
    "pingpong": {"pingpong"},
    "skola24": {"skola24-attendance", "skola24-schedule"},
    "infomentor": {"infomentor"},
    "adult-learning-platform-supplier": {"adult-learning-platform"},
    "tempus": {"tempus"},
    "stockholm": {"start-pages", "mobile-app", "city-login"},
    "third-party": {"third-party-app"},
}
AGREEMENTS = {
    "ber": ("in-force", "FS GR GY VUX"),
    "unikum": ("ending", "FS GR GY VUX"),
    "pingpong": ("ending", "FS GR GY VUX"),
    "skola24-attendance": ("ending", "FS GR GY VUX"),
    "skola24-schedule": ("in-force", "GR GY VUX"),
    "infomentor": ("in-force", "FS GR GY"),
    "adult-learning-platform": ("not-procured", "VUX"),
    "tempus": ("in-force", "FS"),
    "start-pages": ("may-be-replaced", "FS GR GY VUX"),
    "mobile-app": ("may-be-replaced", "FS GR GY VUX"),
    "city-login": ("in-force", "FS GR GY VUX"),
    "third-party-app": ("not-procured", "FS GR GY VUX"),
}
FLOWS = {
    "ber-tempus": "to-be-created",
    "ber-skola24": "exists",
    "ber-skola24-attendance": "ending",  # the seed does not say which of Skola24's systems
    "ber-infomentor": "implied",
    "skola24-infomentor": "exists",
    "ber-unikum": "ending",
    "ber-pingpong": "ending",
    "systems-start-pages": "exists",
    "systems-mobile-app": "exists",
    "city-third-party": "future",
    "city-login-systems": "required",
    "unikum-successors": "implied",
    "pingpong-successors": "implied",
    "skola24-attendance-successors": "implied",
    "tempus-infomentor": "absent",
}


@cache
def stockholm() -> Workspace:
    return load_trusted(Layout(ROOT))


def test_the_workspace_is_valid() -> None:
    assert load(Layout(ROOT)) == stockholm()


def sources() -> dict[str, Source]:
    workspace = stockholm()
    found = {item.id: item.source for item in workspace.requirements.values()}
    found |= {f"agreement {item.id}": item.source for item in workspace.agreements.values()}
    found |= {f"flow {item.id}": item.source for item in workspace.flows.values()}
    return found | {f"{item.fact} in {item.school_form}": item.source for item in workspace.systems_of_record}


def test_every_row_of_the_source_is_used_or_explained() -> None:
    used = {row for source in sources().values() for row in source.seed}
    explained = [item.row for item in stockholm().not_requirements]
    assert sorted(used | set(explained)) == ROWS
    assert used & set(explained) == set()
    assert len(explained) == len(set(explained))


def test_everything_that_was_demanded_names_its_source() -> None:
    bare = [name for name, source in sources().items() if not source.seed]
    unquoted = [item.id for item in stockholm().requirements.values() if not item.source.quote]
    assert (bare, unquoted) == ([], [])


@pytest.mark.skipif(not SEED, reason="the source text is not part of the repository")
def test_quotes_stand_in_the_source() -> None:
    text = " ".join(" ".join(path.read_text(encoding="utf-8") for path in SEED).split())
    wrong = [
        name for name, source in sources().items() if " ".join(source.quote.split()).rstrip(".") not in text
    ]
    assert wrong == []


@pytest.mark.skipif(not DRAFT.exists(), reason="the draft is not part of the repository")
def test_no_requirement_of_the_draft_is_lost_or_weakened() -> None:
    requirements = stockholm().requirements
    for row in yaml.safe_load(DRAFT.read_text(encoding="utf-8"))["requirements"]:
        kept = requirements[row["id"]]
        assert (kept.level, kept.basis) == (row["level"], row["basis"]), row["id"]


def test_basis_law_names_the_law_and_the_others_are_adopted() -> None:
    for requirement in stockholm().requirements.values():
        if requirement.basis == "law":
            assert requirement.source.clause, requirement.id
        adopted = requirement.basis in ("interpretation", "practice")
        assert (requirement.adopted is not None) == adopted, requirement.id


def test_texts_are_whole_sentences_that_oblige() -> None:
    verbs = {"shall": r"\b(ska|får)\b", "should": r"\bbör\b"}
    for requirement in stockholm().requirements.values():
        assert re.search(verbs[requirement.level], requirement.text.sv), requirement.id
        texts = (requirement.text, *([requirement.unchecked] if requirement.unchecked else []))
        for text in texts:
            assert text.sv.endswith("."), requirement.id
            assert text.en.endswith("."), requirement.id


def test_every_requirement_has_a_check_or_says_why_not() -> None:
    verified = {identity for check in stockholm().checks.values() for identity in check.verifies}
    for requirement in stockholm().requirements.values():
        assert (requirement.id in verified) != (requirement.unchecked is not None), requirement.id


def test_no_document_requirement_lacks_a_document_check() -> None:
    checks = stockholm().checks.values()
    by_document = {identity for check in checks if check.looks_at.documents for identity in check.verifies}
    wanted = {r.id for r in stockholm().requirements.values() if r.verify in ("document", "both")}
    assert wanted <= by_document


def test_suppliers_systems_and_agreements() -> None:
    workspace = stockholm()
    assert {s.id: {system.id for system in s.systems} for s in workspace.suppliers.values()} == SUPPLIERS
    assert {a.id: (a.status, " ".join(a.school_forms)) for a in workspace.agreements.values()} == AGREEMENTS
    covered = {system for agreement in workspace.agreements.values() for system in agreement.systems}
    assert covered == set(workspace.systems)
    for agreement in workspace.agreements.values():
        assert {workspace.supplier_of[system] for system in agreement.systems} == {agreement.supplier}


def test_nobody_has_said_when_an_agreement_ends() -> None:
    assert [a.id for a in stockholm().agreements.values() if a.valid_to is not None] == []


def test_flow_register() -> None:
    workspace = stockholm()
    assert {flow.id: flow.status for flow in workspace.flows.values()} == FLOWS
    absent = workspace.flows["tempus-infomentor"]
    assert (absent.carries, absent.verbs, absent.manifest) == ((), (), "")


def test_a_flow_stays_within_the_school_forms_of_its_receiver() -> None:
    workspace = stockholm()
    forms = {
        system: {
            form for a in workspace.agreements.values() if system in a.systems for form in a.school_forms
        }
        for system in workspace.systems
    }
    for flow in workspace.flows.values():
        assert set(flow.school_forms) <= forms.get(flow.receiver, set(flow.school_forms)), flow.id


def test_one_system_of_record_for_each_fact_and_school_form() -> None:
    workspace = stockholm()
    named = Counter((row.fact, row.school_form) for row in workspace.systems_of_record)
    assert [pair for pair, times in named.items() if times > 1] == []
    everywhere = ("organisations", "staff", "pupils", "attendance", "schedule", "assessment")
    assert {(fact, form) for fact in everywhere for form in ("FS", "GR", "GY", "VUX")} <= set(named)
    for row in workspace.systems_of_record:
        agreements = [a for a in workspace.agreements.values() if row.system in a.systems]
        assert any(row.school_form in a.school_forms for a in agreements), (row.fact, row.school_form)
        assert all(a.status != "ending" for a in agreements), (row.fact, row.school_form)


def test_preschool_attendance_is_owned_by_tempus_alone() -> None:
    owners = [
        r.system for r in stockholm().systems_of_record if (r.fact, r.school_form) == ("attendance", "FS")
    ]
    assert owners == ["tempus"]


def test_invented_documents_say_so_and_are_the_ones_recorded() -> None:
    folder = ROOT / "contracts" / "evidence"
    documents = stockholm().evidence.values()
    for document in documents:
        assert document.file is not None, document.id
        contents = (folder / document.file.location).read_bytes()
        assert hashlib.sha256(contents).hexdigest() == document.file.sha256, document.id
        assert len(contents) == document.file.bytes, document.id
        assert b"Invented example" in contents, document.id
        assert "Påhittat" in document.scope, document.id
        assert "DEMO" in document.id
    files = {str(document.file.location) for document in documents if document.file}
    assert {f"files/{path.name}" for path in (folder / "files").iterdir()} == files


def test_documents_attest_what_checks_of_their_type_verify() -> None:
    workspace = stockholm()
    for document in workspace.evidence.values():
        checks = [c for c in workspace.checks.values() if document.type in c.looks_at.documents]
        assert set(document.requirements) <= {identity for c in checks for identity in c.verifies}, (
            document.id
        )
        assert checks, document.id


def test_the_demo_is_simulated_and_thrown_away() -> None:
    environment = stockholm().environment("demo")
    assert (environment.kind, environment.throwaway, environment.register) == ("simulated", True, "ber")
    assert {"ber", "tempus", "skola24-schedule", "infomentor"} <= environment.systems.keys()
    assert all(name == deployment.standin for name, deployment in environment.systems.items())
