"""docs/adding-a-system.md, done as it stands with a server that nobody here wrote the stand-ins for."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.record.assessment import assess
from kravkoll.record.journal import read

from .foreign_server import Foreign, serving

PAGE = (Path(__file__).resolve().parents[2] / "docs/adding-a-system.md").read_text(encoding="utf-8")
WHOLE = re.MULTILINE | re.DOTALL
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, WHOLE)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
FILES = dict(re.findall(r"^```yaml\n# (contracts/\S+)\n(.*?)^```$", PAGE, WHOLE))
PROMISED = dict(re.findall(r"^\| ([A-Z]{3}-\d\d) \| ([a-z ]+) \|", PAGE, re.MULTILINE))
SECONDS = 120


class Town:
    """A folder of its own, made by the page's own commands, and the foreign server's place in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.good(COMMANDS[0], cwd=folder)
        self.new = folder / "new"
        for name, text in FILES.items():
            (self.new / name).write_text(text.replace("8443", str(self.port)), encoding="utf-8")
        authority = CertificateAuthority.create("Foreign's own")
        (self.new / "contracts/environments/anchors.pem").write_bytes(authority.anchor_pem)
        pair = authority.issue(("localhost", "127.0.0.1"))
        self.chain = folder / "server.pem"
        self.chain.write_bytes(pair.chain_pem + pair.key_pem)

    def command(self, line: str, *more: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        program, *arguments = line.split()
        assert program == "kravkoll"
        return subprocess.run(
            [sys.executable, "-m", "kravkoll", *arguments, *more],
            cwd=cwd or self.new,
            env={**os.environ, "KRAVKOLL_STATE": str(self.folder / "state")},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    def good(self, line: str, *more: str, cwd: Path | None = None) -> str:
        done = self.command(line, *more, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def handed_over(self) -> dict[str, Any]:
        settings: dict[str, Any] = json.loads(
            (self.new / "handover/foreign.json").read_text(encoding="utf-8")
        )
        return settings

    def product(self, defect: str = "") -> Foreign:
        return Foreign(self.handed_over()["issuer"], self.new / "handover/ca.pem", defect)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    made = Town(tmp_path_factory.mktemp("town"))
    made.good(next(line for line in COMMANDS if "city register" in line))
    return made


def test_the_page_holds_what_is_followed(town: Town) -> None:
    assert set(FILES) == {"contracts/suppliers/foreign.yaml", "contracts/environments/test.yaml"}
    assert len(PROMISED) == 4
    town.good("kravkoll plan --supplier foreign")


def test_before_it_runs_the_doctor_says_whose_it_is(town: Town) -> None:
    done = town.command("kravkoll doctor --environment test --supplier foreign")
    assert done.returncode == 5
    assert "(the supplier's system)" in done.stdout


def test_a_foreign_server_gets_the_verdicts_that_the_page_promises(town: Town) -> None:
    with serving(town.product(), town.chain, town.port):
        ready = town.command("kravkoll doctor --environment test --supplier foreign")
        assert ready.returncode == 0, ready.stdout
        run = next(line for line in COMMANDS if line.startswith("kravkoll run"))
        done = town.command(run, "--out", "record")
    assert done.returncode == 0, done.stdout + done.stderr
    record = read(town.new / "record")
    assert record.header["environment"]["grade"] == "B"
    assert not list((town.new / "record").glob("SIMULERING*"))
    verdicts = {identity: str(item.verdict) for identity, item in assess(record).requirements.items()}
    assert {identity: verdicts.get(identity) for identity in PROMISED} == PROMISED


@pytest.mark.parametrize(
    ("defect", "rows", "code"),
    [("any-audience", "LOG-API-", "RS-13"), ("loses", "SCH-PAG-", "paging.lost")],
)
def test_its_own_defects_are_found(town: Town, defect: str, rows: str, code: str) -> None:
    with serving(town.product(defect), town.chain, town.port):
        done = town.command(
            "kravkoll run --env test --supplier foreign -k", rows, "--out", f"record-{defect}"
        )
    assert done.returncode == 1, done.stdout + done.stderr
    found = {
        finding.code
        for result in read(town.new / f"record-{defect}").results.values()
        for finding in result.findings
    }
    assert code in found
