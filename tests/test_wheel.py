"""The package as delivered: it carries its own workspace, runs from an empty folder, writes nothing home."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked as an installer would."""
    built = tmp_path_factory.mktemp("built")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = built.glob("*.whl")
    place = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder with nothing in it and no workspace above it."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def untouched(unpacked: Path) -> Iterator[None]:
    """Nothing is written where the package is installed."""
    before = _listing(unpacked)
    yield
    assert _listing(unpacked) == before


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def _python(unpacked: Path, here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_"))},
        "PYTHONPATH": str(unpacked),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=here, env=environment, capture_output=True, text=True, check=False
    )


def _kravkoll(unpacked: Path, here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _python(unpacked, here, "-m", "kravkoll", *arguments)


def _lines(record: Path, kind: str) -> list[dict[str, Any]]:
    """The lines of a kind in a record."""
    text = (record / "results.jsonl").read_text(encoding="utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line["type"] == kind]


def test_what_is_imported_is_the_wheel(unpacked: Path, empty: Path) -> None:
    done = _python(unpacked, empty, "-c", "import kravkoll; print(kravkoll.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(unpacked), done.stdout + done.stderr


def test_it_carries_the_workspace_and_nothing_that_was_made_by_running(unpacked: Path) -> None:
    workspace = unpacked / "kravkoll" / "workspace"
    assert sorted(path.name for path in workspace.iterdir()) == [
        "conftest.py",
        "contracts",
        "mocks",
        "pytest.toml",
        "reports",
        "suites",
    ]
    names = {path.name for path in unpacked.rglob("*")}
    assert not names & {"__pycache__", "out", "results.jsonl", "proof.json", ".hypothesis"}
    shipped = {str(path.relative_to(workspace)) for path in workspace.rglob("*") if path.is_file()}
    folders = ("contracts", "suites", "mocks", "reports/templates")
    tracked = subprocess.run(
        ["git", "ls-files", "--", *folders, "conftest.py", "pytest.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    assert {name for name in tracked if name} <= shipped


def test_the_packaged_workspace_is_valid_and_listed(unpacked: Path, empty: Path) -> None:
    valid = _kravkoll(unpacked, empty, "validate")
    assert valid.returncode == 0, valid.stdout + valid.stderr
    listed = _kravkoll(unpacked, empty, "list", "checks")
    assert "ENC-TLS-01" in listed.stdout
    assert not list(empty.iterdir())


def test_a_run_out_of_the_package_lands_where_it_is_told(unpacked: Path, empty: Path, tmp_path: Path) -> None:
    out = tmp_path / "record"
    done = _kravkoll(
        unpacked, empty, "run", "--env", "demo", "--supplier", "tempus", "-k", "ENC-TLS", "--as-of",
        "2026-11-23", "--out", str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line["outcome"] for line in _lines(out, "result")} == {"met"}
    assert (out / "SIMULERING-tempus.sv.html").exists()
    assert not [path for path in empty.rglob("*") if path.is_file()]


def test_a_silent_run_out_of_the_package_lands_here(unpacked: Path, empty: Path) -> None:
    done = _python(
        unpacked, empty, "-c",
        "from kravkoll.contracts.layout import Layout; print(Layout.find().output)",
    )  # fmt: skip
    assert Path(done.stdout.strip()) == empty / "reports" / "out", done.stderr


@pytest.fixture
def city(empty: Path) -> Path:
    """A city's own folder: nothing but contracts/, without the schema and the profiles."""
    shutil.copytree(ROOT / "contracts", empty / "contracts")
    for folder in ("schema", "profiles"):
        shutil.rmtree(empty / "contracts" / folder)
    return empty


def test_a_workspace_of_contracts_alone_has_the_rest_from_the_package(
    unpacked: Path, city: Path, tmp_path: Path
) -> None:
    valid = _kravkoll(unpacked, city, "validate")
    assert valid.returncode == 0, valid.stdout + valid.stderr
    out = tmp_path / "record"
    done = _kravkoll(
        unpacked, city, "run", "--env", "demo", "--supplier", "tempus", "-k", "ENC-TLS-02", "--as-of",
        "2026-11-23", "--out", str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (header,) = _lines(out, "header")
    assert [profile["id"] for profile in header["profiles"]] == ["tls-2026"]
    assert (out / "SIMULERING-tempus.sv.html").exists()


def test_a_file_of_the_same_name_replaces_the_packages(unpacked: Path, city: Path, tmp_path: Path) -> None:
    profile = yaml.safe_load((ROOT / "contracts/profiles/tls-2026.yaml").read_text(encoding="utf-8"))
    profile["from"] = str(profile["from"])
    profile["rules"]["lowest_version"] = "TLS 1.3"
    (city / "contracts" / "profiles").mkdir()
    (city / "contracts/profiles/tls-2026.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    out = tmp_path / "record"
    done = _kravkoll(
        unpacked, city, "run", "--env", "demo", "--supplier", "tempus", "--row", "ENC-TLS-02@tempus/api",
        "--as-of", "2026-11-23", "--out", str(out),
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert [found["code"] for line in _lines(out, "result") for found in line["findings"]] == ["proto.tls12"]
