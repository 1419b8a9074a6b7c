"""What the documents show works: commands parse, files validate, numbers and quotations are still true."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.cli import COMMANDS, group
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import load
from kravkoll.record.outcome import Verdict
from kravkoll.record.rollup import Exit

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


COMMAND_LINES = sorted(
    {
        line.strip()
        for document in DOCUMENTS
        for block in _blocks(document.read_text(encoding="utf-8"), "console")
        for line in block.splitlines()
        if line.strip()
    }
    | {
        line
        for document in DOCUMENTS
        for line in re.findall(r"`((?:kravkoll|make) [^`]+)`", document.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_command_that_is_shown_exists(line: str) -> None:
    program, name, *arguments = shlex.split(line, comments=True)
    if program == "make":
        assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        return
    if program == "pytest":
        shown = subprocess.run(
            [sys.executable, "-m", "pytest", name, "--help"], cwd=ROOT, capture_output=True, text=True,
            check=True,
        ).stdout  # fmt: skip
        assert all(option in shown for option in arguments if option.startswith("-"))
        return
    assert program == "kravkoll"
    command = group.get_command(click.Context(group), name)
    assert command is not None, f"{name} is not one of {', '.join(COMMANDS)}"
    command.make_context(name, arguments)


def test_what_is_explained_exists() -> None:
    workspace = load(Layout(ROOT))
    codes = {code for card in workspace.checks.values() for code in card.findings}
    known = {*workspace.requirements, *workspace.checks, *workspace.faults, *codes}
    named = [line.split()[2] for line in COMMAND_LINES if line.startswith("kravkoll explain")]
    faults = [line.split()[3] for line in COMMAND_LINES if line.startswith("kravkoll prove --fault")]
    assert named
    assert set(named) <= known
    assert set(faults) <= set(workspace.faults)


def test_the_environment_file_that_is_shown_validates(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "contracts", tmp_path / "contracts")
    written = [
        (match[1], block)
        for block in _blocks(README, "yaml")
        if (match := re.match(r"# (contracts/\S+)\n", block))
    ]
    assert [name for name, _ in written] == ["contracts/environments/test.yaml"]
    for name, block in written:
        (tmp_path / name).write_text(block, encoding="utf-8")
    anchors = CertificateAuthority.create().anchor_pem
    (tmp_path / "contracts" / "environments" / "test-anchors.pem").write_bytes(anchors)
    workspace = load(Layout(tmp_path))
    environment = workspace.environment("test")
    assert environment.grade == "B"
    assert environment.systems["tempus"].interfaces["api"].secret == "env:TEMPUS_TEST_SECRET"


def test_every_verdict_and_every_exit_code_is_explained() -> None:
    rows = re.findall(r"^\| ([^|]+?) \|", README, re.MULTILINE)
    assert {str(verdict).replace("-", " ") for verdict in Verdict} <= set(rows)
    assert {str(int(code)) for code in Exit} <= set(rows)


def test_the_numbers_are_still_true() -> None:
    catalogue = [row for rows in load(Layout(ROOT)).catalogue.values() for row in rows]
    covered = sum(not row.excuse for row in catalogue)
    assert f"Of the {len(catalogue)} rows in the areas' catalogues {covered}" in README


def test_it_can_be_read_in_one_sitting() -> None:
    assert README.count("\n") <= 200


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_file_that_is_linked_exists(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_the_worked_example_is_cut_from_its_files() -> None:
    """Each line stands in the file that its block names, in that order."""
    guide = (ROOT / "docs" / "writing-a-check.md").read_text(encoding="utf-8")
    blocks = _blocks(guide, "yaml") + _blocks(guide, "python")
    assert len(blocks) == 4
    for block in blocks:
        named, *lines = block.splitlines()
        text = (ROOT / named.removeprefix("# ")).read_text(encoding="utf-8").splitlines()
        place = text.index(lines[0])
        for line in lines:
            assert line in text[place:], f"{named}: {line}"
            place = text.index(line, place)
