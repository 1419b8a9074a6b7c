"""However a run ends, its record is read as what was seen until then, and never as an acceptance."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.runner.workspaces import AS_OF, Run, Workspace, copied

TLS = "suites/encryption/test_tls.py"
BODIES = {
    "ENC-TLS-01": "    _judge(agreed_handshake(tls, profile))",
    "ENC-TLS-02": "    _judge(legacy_versions(tls, profile))",
    "ENC-TLS-03": "    _judge(missing_versions(tls, profile))",
    "ENC-TLS-04": "    seen = examine_plaintext(",
}
ROWS = tuple(f"{check}@tempus/api" for check in BODIES)
CHOSEN = tuple(word for row in ROWS for word in ("--row", row))
BEGIN_SECONDS = 60


def edited(folder: Path, **bodies: str) -> Workspace:
    """A workspace whose encryption checks begin with other statements, by `ENC_TLS_01`."""
    workspace = copied(folder, "suites/encryption")
    for name, body in bodies.items():
        honest = BODIES[name.replace("_", "-")]
        workspace.edit(TLS, honest, f"    {body}\n{honest}")
    return workspace


def began(workspace: Workspace, *arguments: str) -> subprocess.Popen[str]:
    """A run that has written two results and is busy with the third check."""
    out = workspace.root / "run"
    command = [sys.executable, "-m", "kravkoll", "run", "--workspace", str(workspace.root), "--env", "demo"]
    process = subprocess.Popen(
        [*command, "--supplier", "tempus", "--as-of", str(AS_OF), "--out", str(out), *CHOSEN, *arguments],
        env=workspace.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # a shell that starts us in the background hands down an ignored SIGINT; a person's terminal does not
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads yet
    )
    deadline = time.monotonic() + BEGIN_SECONDS
    while not (workspace.root / "busy").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


@pytest.fixture
def slow(tmp_path: Path) -> Workspace:
    busy = f"import pathlib, time; pathlib.Path({str(tmp_path / 'busy')!r}).touch(); time.sleep(600)"
    return edited(tmp_path, ENC_TLS_03=busy)


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 2), (signal.SIGINT, 2)]
)
def test_an_end_in_the_middle(slow: Workspace, sent: signal.Signals, code: int) -> None:
    process = began(slow)
    process.send_signal(sent)
    process.communicate(timeout=BEGIN_SECONDS)
    assert process.returncode == code
    run = replayed(slow)
    assert [run.outcomes[row] for row in ROWS] == ["met", "met", "inconclusive", "inconclusive"]
    assert [run.reasons[row] for row in ROWS] == ["", "", "run.ended", "run.ended"]
    assert run.exit == 2
    assert_marked(run)


def replayed(workspace: Workspace) -> Run:
    """`kravkoll report` on whatever record there is."""
    folder = workspace.root / "run"
    done = workspace.kravkoll("report", str(folder))
    return Run(done.returncode, folder, done.stdout + done.stderr)


def assert_marked(run: Run) -> None:
    """Every view says that the record accepts nothing."""
    assert "INCOMPLETE" in run.output
    assert "accepts nothing" in run.output
    assert "acceptance rule holds" not in run.output
    for language, words in (("sv", "OFULLSTÄNDIG"), ("en", "INCOMPLETE")):
        page = (run.folder / f"SIMULERING-tempus.{language}.html").read_text(encoding="utf-8")
        assert words in page
    summary = (run.folder / "SIMULERING-tempus.summary.md").read_text(encoding="utf-8")
    assert "OFULLSTÄNDIG" in summary
    junit = (run.folder / "SIMULERING-tempus.junit.xml").read_text(encoding="utf-8")
    assert "run.ended" in junit
    assert any((run.folder / "SIMULERING-tempus.allure-results").iterdir())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An honest run of four rows, to be cut in many ways."""
    run = copied(tmp_path_factory.mktemp("whole")).run(*CHOSEN)
    assert run.exit == 0
    return run


def cut(whole: Run, folder: Path, keep: int, *more: bytes) -> Run:
    """The record's first lines, and what is put after them."""
    lines = (whole.folder / "results.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "run").mkdir()
    (folder / "run" / "results.jsonl").write_bytes(b"".join((*lines[:keep], *more)))
    return replayed(copied(folder))


def test_a_last_line_that_was_cut_off(whole: Run, tmp_path: Path) -> None:
    last_result = b'{"type": "result", "row": "ENC-TLS-04@tem'
    run = cut(whole, tmp_path, -3, last_result)
    assert run.exit == 2
    assert_marked(run)


def test_a_record_that_was_changed_afterwards(whole: Run, tmp_path: Path) -> None:
    lines = (whole.folder / "results.jsonl").read_bytes().splitlines(keepends=True)
    changed = [line.replace(b'"outcome": "met"', b'"outcome": "not-met"') for line in lines]
    run = cut(whole, tmp_path, 0, *changed)
    assert run.exit == 3
    assert "the record was changed" in run.output


def test_lines_that_are_no_lines_of_ours(whole: Run, tmp_path: Path) -> None:
    strange = [{"type": "result"}, {"type": "plan", "row": 7}, ["list"], {"type": "footer"}, {"type": "none"}]
    run = cut(whole, tmp_path, -1, *(json.dumps(line).encode() + b"\n" for line in strange))
    assert run.exit in (2, 3)
    assert "INCOMPLETE" in run.output


@pytest.mark.parametrize("text", [b"", b"{", b'{"type": "plan"}\n'])
def test_nothing_that_could_be_told(whole: Run, tmp_path: Path, text: bytes) -> None:
    run = cut(whole, tmp_path, 0, text)
    assert run.exit not in (0, 1)
    assert "Traceback" not in run.output


def test_stopping_at_the_first_failure(tmp_path: Path) -> None:
    workspace = edited(tmp_path, ENC_TLS_02="raise NotMet('proto.tls10', actual='told so')")
    out = workspace.root / "run"
    arguments = ["--workspace", str(tmp_path), "--env", "demo", "--supplier", "tempus", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "suites", "-p", "kravkoll.runner.plugin", *arguments, *CHOSEN, "-x"],
        cwd=tmp_path,
        env=workspace.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    run = replayed(workspace)
    assert (done.returncode, run.exit) == (2, 2), done.stdout
    assert [run.outcomes[row] for row in ROWS] == ["met", "not-met", "inconclusive", "inconclusive"]
    assert_marked(run)


# -- faults of ours in a suite -------------------------------------------------------------------------------


def test_what_a_check_must_not_do_is_our_error(tmp_path: Path) -> None:
    workspace = edited(
        tmp_path,
        ENC_TLS_01="import socket; socket.create_connection(('192.0.2.1', 443), 1)",
        ENC_TLS_02="assert not tls.host",
        ENC_TLS_03="raise NotMet('no.such.code')",
        ENC_TLS_04="pytest.skip('not today')",
    )
    run = workspace.run(*CHOSEN)
    assert run.exit == 3
    assert set(run.outcomes.values()) == {"error"}
    told = [run.results[row].observation for row in ROWS]
    for words, observation in zip(
        ("UndeclaredHost", "AssertionError", "no.such.code", "Skipped"), told, strict=True
    ):
        assert words in observation


def test_more_ways_to_leave_a_row_unsaid(tmp_path: Path) -> None:
    """Marks of pytest's, other exceptions, and a fixture that fails."""
    workspace = edited(
        tmp_path,
        ENC_TLS_01="pytest.xfail('one day')",
        ENC_TLS_02="raise SystemExit(0)",
        ENC_TLS_04="return 1/0",
    )
    workspace.edit(TLS, '@check("ENC-TLS-03")', '@pytest.mark.skip(reason="slow")\n@check("ENC-TLS-03")')
    run = workspace.run(*CHOSEN)
    assert run.exit == 3
    assert set(run.outcomes.values()) == {"error"}


def test_a_teardown_that_fails_stands_beside(tmp_path: Path) -> None:
    """It never replaces a breach, and what was met is then not known."""
    workspace = edited(tmp_path, ENC_TLS_02="raise NotMet('proto.tls10', actual='told so')")
    honest = "    return observation\n\n\ndef _examined"
    workspace.edit(
        TLS, honest, honest.replace("return observation", "yield observation\n    raise OSError('left open')")
    )
    run = workspace.run(*CHOSEN)
    broken, breach = run.results[ROWS[0]], run.results[ROWS[1]]
    assert (str(broken.outcome), broken.reason and broken.reason.code) == ("error", "check.teardown")
    assert str(breach.outcome) == "not-met"
    assert "left open" in breach.beside[0]
    assert run.exit == 3


def test_modules_that_fail_to_import(tmp_path: Path) -> None:
    """Their rows are errors of ours; those of other modules are judged."""
    workspace = copied(tmp_path, "suites/encryption", "suites/login")
    for name, text in (
        (TLS, "import no_such_module\n"),
        ("suites/login/test_api_tokens.py", "def broken(:\n"),
    ):
        workspace.write(name, text + (workspace.root / name).read_text(encoding="utf-8"))
    run = workspace.run("-k", "ENC-TLS-01 or LOG-API or crisis-plan")
    (document,) = [row for row in run.results if row.startswith("ROU")]
    assert run.outcomes[document] == "not-met"
    assert {run.reasons[row] for row in run.results if row != document} == {"check.not-loaded"}
    assert {run.outcomes[row] for row in run.results if row != document} == {"error"}
    assert run.exit == 3


def test_a_conftest_that_fails_to_import(tmp_path: Path) -> None:
    workspace = copied(tmp_path, "suites/encryption")
    workspace.write("suites/encryption/conftest.py", "import no_such_module\n")
    run = workspace.run("-k", "ENC-TLS-01")
    assert run.exit == 3
    assert "no_such_module" in run.output


def test_a_fault_of_the_plugin_itself(tmp_path: Path) -> None:
    """Not of a check, but of what runs the checks."""
    workspace = copied(tmp_path, "suites/encryption")
    hook = "def pytest_runtest_logreport(report):\n    raise RuntimeError('hook of ours')\n"
    workspace.write("suites/encryption/conftest.py", hook)
    run = workspace.run(*CHOSEN)
    assert run.exit == 3
    assert "met" not in {run.outcomes[row] for row in ROWS[2:]}
    assert replayed(workspace).exit == 3
