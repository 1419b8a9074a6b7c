"""What is handed over: the offline bundle, installed in an empty environment and run in an empty folder."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NO_NAME_ON_WINDOWS = re.compile(r'[<>:"|?*\\]|[. ]$|^(con|nul|aux|prn)(\.|$)')
CONTAINERFILE = ROOT / "Containerfile"


def _run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    return subprocess.run(
        command, env={**clean, **environment}, capture_output=True, text=True, check=False, cwd=ROOT
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As CI makes it; where PIP_* says that wheels come from, they come from."""
    folder = tmp_path_factory.mktemp("distribution") / "bundle"
    done = subprocess.run(
        ["bash", ".ci/bundle", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def place(bundle: Path) -> Path:
    """An environment made by the bundle's own script, without any index."""
    place = bundle.parent / "place"
    done = _run(["bash", str(bundle / "install.sh"), str(place)], PYTHON=sys.executable, PIP_NO_INDEX="1")
    assert done.returncode == 0, done.stderr
    return place


def test_the_bundle_holds_wheels_alone(bundle: Path) -> None:
    """A source archive would have to be built, by tools that are not there."""
    assert {path.suffix for path in (bundle / "wheels").iterdir()} == {".whl"}


def test_installed_in_an_empty_environment_it_runs_in_an_empty_folder(place: Path, tmp_path: Path) -> None:
    kravkoll = place / "bin" / "kravkoll"
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C"}
    done = subprocess.run(
        [kravkoll, "run", "--supplier", "ber-supplier", "--env", "demo", "-k", "ENC-"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SIMUL" in done.stdout, done.stdout + done.stderr
    assert list(tmp_path.glob("reports/out/*/results.jsonl"))
    for path in (tmp_path / "reports").rglob("*"):
        assert not NO_NAME_ON_WINDOWS.search(path.name), path.name
        assert len(str(path.relative_to(tmp_path))) < 200, "Windows' paths end at 260 characters"
    frozen = subprocess.run(
        [place / "bin" / "python", "-m", "pip", "list"], env=clean, capture_output=True, text=True, check=True
    ).stdout
    assert "ruff" not in frozen, "what only developers need is not handed over"


def test_a_changed_wheel_is_not_installed(bundle: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    changed.mkdir()
    for path in bundle.iterdir():
        (changed / path.name).symlink_to(path)
    (changed / "README.md").unlink()
    (changed / "README.md").write_text("changed\n", encoding="utf-8")
    done = _run(["bash", str(changed / "install.sh"), str(tmp_path / "place")], PYTHON=sys.executable)
    assert done.returncode != 0
    assert "README.md" in done.stdout + done.stderr
    assert not (tmp_path / "place").exists()


def test_an_older_python_is_named(bundle: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n', encoding="utf-8")
    old.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    for name in ("python3.14", "python3.13"):
        (tmp_path / name).symlink_to(old)
    done = _run(["bash", str(bundle / "install.sh"), str(tmp_path / "place")], PATH=path)
    assert done.returncode == 1
    assert "needs Python 3.13" in done.stderr


def test_the_containers_steps_are_those_that_are_tested_here() -> None:
    """No container is built here: its steps are scripts that other tests run, and nothing else of weight."""
    text = CONTAINERFILE.read_text(encoding="utf-8")
    steps = [shlex.split(line) for line in re.findall(r"^RUN (.+)$", text, re.MULTILINE)]
    assert [step[:2] for step in steps] == [
        ["bash", ".ci/install"],
        ["bash", ".ci/bundle"],
        ["bash", "/bundle/install.sh"],
        ["rm", "-rf"],
    ]
    for script in (".ci/install", ".ci/bundle"):
        assert (ROOT / script).is_file()
    assert steps[1][2] == "/bundle"
    assert f"{steps[2][2]}/bin/kravkoll" in text, "the entry point stands where the script installs"


def test_the_containers_image_has_the_python_that_is_asked_for() -> None:
    wanted = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    images = re.findall(r"^FROM (\S+)", CONTAINERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(images) == {f"python:{wanted}-slim"}


def test_the_windows_script_does_the_same_steps() -> None:
    shell, windows = (
        (ROOT / ".ci" / "offline" / name).read_bytes().decode("ascii")
        for name in ("install.sh", "install.cmd")
    )
    assert "\r\n" in windows
    assert "\r" not in shell
    for part in ("--no-index", "--require-hashes -r requirements.runtime.lock", "kravkoll-*.whl", "(3, 13)"):
        assert part in shell
        assert part in windows


def test_locks_name_no_host_and_agree() -> None:
    whole, runtime = (
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("requirements.lock", "requirements.runtime.lock")
    )
    assert "://" not in whole + runtime
    pinned = re.compile(r"^(\S+==\S+)", re.MULTILINE)
    assert set(pinned.findall(runtime)) < set(pinned.findall(whole))
