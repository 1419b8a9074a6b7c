"""`kravkoll init`: what it writes validates and runs at once, and nothing that was there is touched."""

import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
import yaml

from kravkoll.cli.init import identifier
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import load
from kravkoll.record.assessment import assess
from kravkoll.record.journal import read

GOTHENBURG = ("--city", "Göteborgs Stad", "--supplier", "Lampan & Ljuset AB", "--system", "Lampan")


def kravkoll(folder: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kravkoll", *arguments],
        cwd=folder, input=said, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


def made(folder: Path, *arguments: str) -> Path:
    done = kravkoll(folder, "init", "new", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "new"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_it_runs_at_once_and_everything_that_can_be_tested_is_met(tmp_path: Path) -> None:
    new = made(tmp_path, *GOTHENBURG)
    ran = kravkoll(new, "run", "--env", "simulated", "--supplier", "lampan-ljuset-ab", "--out", "record")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assessment = assess(read(new / "record"))
    verdicts = {identity: str(item.verdict) for identity, item in assessment.requirements.items()}
    assert set(verdicts.values()) == {"met"}
    assert {"ENC-01", "LOG-01", "SCH-01"} <= set(verdicts)
    assert "SIMULERING" in ran.stdout


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("--interface", "api"),
        ("--interface", "export", "--interface", "web", "--interface", "delivery", "--area", "data_rights"),
        ("--register-url", "https://register.city.example/v2", "--url", "https://test.lampan.example/"),
        ("--area", "routines"),
    ],
)
def test_whatever_is_chosen_is_sound(tmp_path: Path, more: tuple[str, ...]) -> None:
    new = made(tmp_path, *GOTHENBURG, *more)
    workspace = load(Layout(new))
    assert set(workspace.suppliers) >= {"lampan-ljuset-ab"}
    assert workspace.requirements
    assert set(workspace.environments) == {"simulated", "test"}
    for path in [*new.rglob("*.yaml"), *new.rglob("*.yml")]:
        assert yaml.safe_load(path.read_text(encoding="utf-8")), path
    doctor = kravkoll(new, "doctor", "--environment", "test")
    assert doctor.returncode == 5, doctor.stderr


def test_the_commented_keys_are_the_models_own(tmp_path: Path) -> None:
    """Taken out of its comments, the environment file is still valid."""
    new = made(tmp_path, *GOTHENBURG)
    path = new / "contracts/environments/test.yaml"
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        stripped = line.lstrip()
        body = stripped.removeprefix("# ")
        key = body.lstrip("- ").split(":")[0]
        bare = stripped.startswith("# ") and key.replace(".", "").isidentifier() and ":" in body
        lines.append(line.replace("# ", "", 1) if bare and " " not in key else line)
    text = "\n".join(lines)
    for key in ("authorisation:", "city:", "trust:", "hooks:", "token_endpoint:", "capabilities:"):
        assert any(line.lstrip().startswith(key) for line in text.splitlines()), key
    path.write_text(text, encoding="utf-8")
    for name in ("anchors.pem", "kravkoll-chain.pem"):
        (path.parent / name).write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    workspace = load(Layout(new))
    assert workspace.environments["test"].city.bind == "0.0.0.0"  # noqa: S104  # read, not bound
    assert workspace.environments["test"].authorisation is not None


def test_nothing_is_overwritten_and_nothing_half_is_left(tmp_path: Path) -> None:
    new = made(tmp_path, *GOTHENBURG)
    before = snapshot(new)
    again = kravkoll(tmp_path, "init", "new", *GOTHENBURG)
    assert again.returncode == 4
    assert "contracts" in again.stderr
    assert snapshot(new) == before
    own = tmp_path / "own"
    own.mkdir()
    (own / "README.sv.md").write_text("vår egen", encoding="utf-8")
    assert kravkoll(tmp_path, "init", "own", *GOTHENBURG).returncode == 4
    assert snapshot(own) == {"README.sv.md": "vår egen".encode()}
    lost = kravkoll(tmp_path, "init", "lost", *GOTHENBURG, "--requirements", "nowhere.xlsx")
    assert lost.returncode == 4
    assert snapshot(tmp_path / "lost") == {}


def test_the_wizard_asks_for_what_is_needed(tmp_path: Path) -> None:
    answers = "Malmö stad\nEkot\n\napi\n\nAvtal 2026-17\n"
    done = kravkoll(tmp_path, "init", "new", said=answers)
    assert done.returncode == 0, done.stdout + done.stderr
    workspace = load(Layout(tmp_path / "new"))
    assert [interface.id for interface in workspace.systems["ekot"].interfaces] == ["api"]
    assert workspace.requirements["ENC-01"].source.clause == "Avtal 2026-17"
    half = kravkoll(tmp_path, "init", "other", "--city", "Malmö")
    assert half.returncode == 4
    assert "--supplier" in half.stderr


def test_requirements_come_from_a_specification_in_excel(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (
        ["Krav-id", "Kravtext", "Ska/Bör", "Område", "Motsvarar"],
        ["3.1", "All trafik ska vara krypterad.", "SKA", "Kryptering", "ENC-01"],
        ["3.2", "Stadens inloggning ska användas.", "SKA", "Inloggning", "LOG-01"],
        ["3.3", "Gränssnittet ska följa SS 12000.", "SKA", "Gränssnitt", "SCH-01"],
    ):
        sheet.append(row)
    book.save(tmp_path / "krav.xlsx")
    new = made(tmp_path, *GOTHENBURG, "--requirements", "krav.xlsx")
    assert list(load(Layout(new)).requirements) == ["ENC-K3.1", "LOG-K3.2", "SCH-K3.3"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Göteborgs Stad", "goteborgs-stad"),
        ("Con", "con-system"),
        ("COM1", "com1-system"),
        ("  Å/Ä\\Ö: 1 ", "a-a-o-1"),
    ],
)
def test_names_become_ids_that_every_file_system_takes(name: str, expected: str) -> None:
    assert identifier(name) == expected


def test_a_name_without_letters_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="holds no letter"):
        identifier("学校")


def test_files_are_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    for name, content in snapshot(made(tmp_path, *GOTHENBURG)).items():
        assert b"\r" not in content, name
        content.decode("utf-8")
