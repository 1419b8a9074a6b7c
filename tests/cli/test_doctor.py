"""`kravkoll doctor` from the command line: exit codes, JSON, and an environment with something missing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kravkoll.contracts.layout import packaged

SMALL = """\
id: small
kind: test
register: ber
systems:
  ber: {standin: ber}
  tempus:
    interfaces:
      api: {url: "https://127.0.0.1:9", secret: "env:KRAVKOLL_TEST_NO_SUCH_SECRET"}
      login: {url: "https://login.tempus.invalid"}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    shutil.copytree(packaged() / "contracts", tmp_path / "contracts")
    (tmp_path / "contracts/environments/small.yaml").write_text(SMALL, encoding="utf-8")
    return tmp_path


def kravkoll(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kravkoll", "doctor", "--workspace", str(workspace), *arguments],
        env={**os.environ, "KRAVKOLL_STATE": str(workspace / "state")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_missing_stands_with_its_owner(workspace: Path) -> None:
    done = kravkoll(workspace, "--environment", "small", "--supplier", "tempus", "--format", "json")
    assert done.returncode == 5, done.stderr
    lines = {line["code"]: line for line in json.loads(done.stdout)}
    assert set(lines["python"]) == {"code", "state", "whose", "says", "next"}
    assert lines["secret.missing"]["whose"] == "configuration"
    assert lines["host.permitted"]["next"]["owner"] == "Whoever owns the environment file"
    assert lines["host.reached"]["whose"] == "supplier"
    assert not (workspace / "state").exists()


def test_the_demo_is_ready(workspace: Path) -> None:
    done = kravkoll(workspace, "--environment", "demo", "--language", "sv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Allt är klart.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--environment", "smal"), "did you mean 'small'?"),
        (("--supplier", "tempsu"), "did you mean 'tempus'?"),
    ],
)
def test_a_wrong_name_is_a_fault_of_the_command_line(
    workspace: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = kravkoll(workspace, *arguments)
    assert done.returncode == 4
    assert said in done.stderr
