"""A refusal means something only between two controls that held."""

from pathlib import Path

import pytest
from tests.runner.workspaces import Run, copied

SUITE = '''"""A subject that changes between two looks."""

from kravkoll.checks import Inconclusive, NotMet, check
from kravkoll.checks.subject import Subject

LOOKS = []


@check("LOG-API-01")
def test_control(subject: Subject) -> None:
    LOOKS.append(subject.row)
    if len(LOOKS) == {failing}:
        raise {error}


@check("LOG-API-02")
def test_met(subject: Subject) -> None:
    pass


@check("LOG-API-03")
def test_not_met(subject: Subject) -> None:
    raise NotMet("RS-09", expected="nothing", actual="everything")


@check("LOG-API-04")
def test_unseen(subject: Subject) -> None:
    raise Inconclusive("subject.timeout")


@check("LOG-API-05")
def test_signatures(subject: Subject) -> None:
    """This and the next are there since each check must have its function; they have no part in this."""


@check("LOG-API-06")
def test_claims(subject: Subject) -> None:
    pass


@check("LOG-API-07")
def test_scopes(subject: Subject) -> None:
    pass
'''
NAMES = ("control", "met", "not met", "unseen")
ROWS = {name: f"LOG-API-0{number}@tempus/api" for number, name in enumerate(NAMES, 1)}


def looked(folder: Path, failing: int, error: str = 'NotMet("RS-02")') -> Run:
    """The run of a control that fails at its first look, its second, or never."""
    workspace = copied(folder, "suites/login")
    workspace.write("suites/login/test_api_tokens.py", SUITE.format(failing=failing, error=error))
    return workspace.run(*(word for row in ROWS.values() for word in ("--row", row)))


def said(run: Run) -> dict[str, str]:
    return {name: f"{run.outcomes[row]} {run.reasons[row]}".strip() for name, row in ROWS.items()}


def assert_one_result_a_row(run: Run) -> None:
    results = [line["row"] for line in run.lines if line["type"] == "result"]
    assert sorted(results) == sorted(ROWS.values())


def test_a_control_that_holds(tmp_path: Path) -> None:
    run = looked(tmp_path, failing=0)
    assert said(run) == {
        "control": "met",
        "met": "met",
        "not met": "not-met",
        "unseen": "inconclusive subject.timeout",
    }
    waiting = [line["row"] for line in run.lines if line["type"] == "waiting"]
    assert waiting == [ROWS["met"]]
    assert_one_result_a_row(run)
    assert run.exit == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [('NotMet("RS-02")', "not-met"), ('Inconclusive("subject.reset")', "inconclusive subject.reset")],
)
def test_a_control_that_fails_before(tmp_path: Path, error: str, outcome: str) -> None:
    run = looked(tmp_path, 1, error)
    fallen = "not-exercised control.failed"
    assert said(run) == {"control": outcome, "met": fallen, "not met": fallen, "unseen": fallen}
    assert not [line for line in run.lines if line["type"] == "waiting"]
    assert_one_result_a_row(run)


def test_a_control_that_fails_afterwards(tmp_path: Path) -> None:
    """What was met is not known any more; evidence of a breach stands."""
    run = looked(tmp_path, failing=2)
    assert said(run) == {
        "control": "met",
        "met": "inconclusive subject.broke",
        "not met": "not-met",
        "unseen": "inconclusive subject.timeout",
    }
    (waiting,) = (line for line in run.lines if line["type"] == "waiting")
    assert (waiting["row"], waiting["outcome"]) == (ROWS["met"], "met")
    assert_one_result_a_row(run)
    assert run.exit == 1
