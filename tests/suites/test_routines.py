"""The routines suite on the demo's documents and on the delivered connector."""

import importlib.util
import shutil
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from kravkoll.checks.routines import current
from kravkoll.checks.subject import Memo, Subject
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import Workspace, load_trusted
from kravkoll.record.outcome import Inconclusive, NotExercised, NotMet
from kravkoll.standins.deliveries import deliver
from kravkoll.standins.faults import Behaviour

ROOT = Path(__file__).parents[2]
CONNECTOR = ROOT / "mocks" / "deliveries" / "tempus-connector"
TODAY = date(2026, 11, 23)


def suite(name: str) -> ModuleType:
    path = ROOT / "suites" / "routines" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load_trusted(Layout(ROOT))


def subject_of(workspace: Workspace, supplier: str, kind: str, day: date) -> Subject:
    return Subject(
        row="row", supplier=supplier, system="", interface=kind, kind="document", address="", capabilities={},
        trust=b"", hooks={}, memo=Memo(), as_of=day, document_type=kind,
        document=current(workspace.evidence.values(), supplier, kind, day),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("supplier", "kind", "expected"),
    [
        ("tempus", "secure-development-routine", None),
        ("tempus", "secure-development-evidence", None),
        ("tempus", "crisis-plan", NotMet),
        ("tempus", "data-protection-routine", NotExercised),
        ("tempus", "development-order-terms", None),
        ("tempus", "exit-plan", NotExercised),
        ("ber-supplier", "crisis-plan", None),
        ("ber-supplier", "retention-plan", None),
        ("unikum", "crisis-plan", NotExercised),
    ],
)
def test_the_documents_of_the_demo(
    workspace: Workspace, supplier: str, kind: str, expected: type[Exception] | None
) -> None:
    subject = subject_of(workspace, supplier, kind, TODAY)
    judge = suite("test_documents").judge
    if expected is None:
        judge(subject, workspace, TODAY)
        assert subject.notes[0]["digest_confirmed"] is True
    else:
        with pytest.raises(expected):
            judge(subject, workspace, TODAY)


def test_an_old_report_can_be_made_again(workspace: Workspace) -> None:
    day = date(2025, 12, 31)
    suite("test_documents").judge(subject_of(workspace, "tempus", "crisis-plan", day), workspace, day)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [(None, None), ("delivery.dirty", NotMet), ("delivery.nosec", NotMet), ("delivery.broken", Inconclusive)],
)
def test_the_delivered_connector(
    fault: str | None, expected: type[Exception] | None, request: pytest.FixtureRequest
) -> None:
    delivered = Behaviour(fault)(deliver)(CONNECTOR)
    if delivered != CONNECTOR:
        request.addfinalizer(lambda: shutil.rmtree(delivered.parent))
    subject = Subject(
        row="row", supplier="tempus", system="tempus", interface="delivery", kind="delivery", address="",
        capabilities={"delivery": {"lowest_severity": "medium"}}, trust=b"", hooks={}, memo=Memo(),
        as_of=TODAY, delivery=str(delivered),
    )  # fmt: skip
    check = suite("test_delivery").test_delivered_code_has_no_known_weaknesses
    if expected is None:
        check(subject)
    else:
        with pytest.raises(expected):
            check(subject)
