"""`pytest suites --env ...` and `kravkoll run` are the same assessment."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.runner.workspaces import AS_OF, Run, Workspace, copied

from kravkoll.contracts.layout import packaged

CHOSEN = ("--env", "demo", "--supplier", "tempus", "--as-of", str(AS_OF))


def by_pytest(
    out: Path, *arguments: str, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """pytest as anybody calls it, from the folder that holds the suites."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "--out", str(out)],
        cwd=packaged(),
        env=Workspace(out.parent).variables(variables),
        capture_output=True,
        text=True,
        check=False,
    )


def as_run(done: subprocess.CompletedProcess[str], out: Path) -> Run:
    return Run(done.returncode, out, done.stdout + done.stderr)


def told(run: Run) -> tuple[object, ...]:
    """What two runs of the same assessment must agree on."""
    header = run.record.header
    return (
        run.exit,
        run.outcomes,
        run.reasons,
        header["partial"],
        header["plan"],
        header["rule"],
        header["gate"],
    )


@pytest.fixture(scope="module")
def by_command(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return copied(tmp_path_factory.mktemp("command")).run("-k", "ENC-")


def test_the_same_rows_outcomes_and_exit_code(tmp_path: Path, by_command: Run) -> None:
    junit, out = tmp_path / "junit.xml", tmp_path / "run"
    run = as_run(by_pytest(out, "suites", *CHOSEN, "-k", "ENC-", f"--junitxml={junit}"), out)
    assert told(run) == told(by_command)
    assert run.exit == 0
    assert run.record.header["partial"]
    assert "accepts nothing" in run.output
    assert named_in(junit) == set(run.results)


def named_in(junit: Path) -> set[str]:
    """The rows' ids: pytest writes `function[row]`."""
    cases = ET.parse(junit).getroot().iter("testcase")  # noqa: S314  # our own file
    return {case.attrib["name"].partition("[")[2].removesuffix("]") for case in cases}


def test_a_folder_is_a_selection_too_and_allure_works_beside(tmp_path: Path, by_command: Run) -> None:
    out, allure = tmp_path / "run", tmp_path / "allure"
    arguments = ("suites/encryption", *CHOSEN, "-p", "allure_pytest.plugin", f"--alluredir={allure}")
    done = by_pytest(out, *arguments, variables={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    run = as_run(done, out)
    assert (run.exit, run.outcomes) == (by_command.exit, by_command.outcomes)
    assert run.record.header["partial"]
    written = "".join(path.read_text(encoding="utf-8") for path in allure.glob("*-result.json"))
    assert {row for row in run.results if row not in written} == set()


def test_a_failing_row_agrees_as_well(tmp_path: Path) -> None:
    """The demo's expired crisis plan: not met, by both ways in."""
    keyword = "crisis-plan"
    own, out = copied(tmp_path / "own").run("-k", keyword), tmp_path / "run"
    run = as_run(by_pytest(out, "suites", *CHOSEN, "-k", keyword), out)
    assert told(run) == told(own)
    assert run.exit == 1
    assert "document.expired" in run.output


def test_without_an_environment_nothing_runs_and_nothing_fails(tmp_path: Path) -> None:
    done = by_pytest(tmp_path / "run", "suites")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "--env demo --supplier tempus" in done.stdout
    assert "error" not in done.stdout.lower()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", [("--deselect", "suites/login"), ("--setup-only",), ("-n", "2")])
def test_pytests_own_ways_to_leave_something_out_are_refused(tmp_path: Path, option: tuple[str, ...]) -> None:
    """Rows that only were set up would read as met; rows left out would be missing."""
    done = by_pytest(tmp_path / "run", "suites", *CHOSEN, *option)
    assert done.returncode == 4
    assert option[0] in done.stderr
    assert not (tmp_path / "run").exists()


def test_collecting_contacts_nobody(tmp_path: Path) -> None:
    done = by_pytest(tmp_path / "run", "suites", *CHOSEN, "-k", "ENC-TLS-01", "--collect-only", "-q")
    assert "ENC-TLS-01@tempus/api" in done.stdout
    assert not (tmp_path / "run").exists()


def test_wrong_words_are_usage(tmp_path: Path) -> None:
    done = by_pytest(tmp_path / "run", "suites", "--env", "dem", "--supplier", "tempus")
    assert done.returncode == 4
    assert "did you mean 'demo'" in done.stderr


def test_the_values_of_a_counterexample_stand_in_the_record(tmp_path: Path) -> None:
    """What Hypothesis found and shrank: which pages, which changes, which record was lost."""
    row = "SCH-PAG-01@ber/api"
    run = copied(tmp_path).run("--fault", "api.paging.offset", "--row", row, supplier="ber-supplier")
    (finding,) = run.results[row].findings
    (case,) = finding.cases
    assert isinstance(case, dict)
    assert case["pages"]
    assert case["changes"]
    assert case["record"]
    assert run.exit == 1
