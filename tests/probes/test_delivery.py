"""Delivered code: what silences bandit elsewhere must not silence it here, and nothing unread is clean."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from kravkoll.probes import delivery
from kravkoll.probes.delivered_archive import Limits, unpack
from kravkoll.probes.delivery import examine
from kravkoll.record.outcome import Inconclusive

DIRTY = "import subprocess\nsubprocess.call(input(), shell=True){comment}\n"
CLEAN = "def doubled(number: int) -> int:\n    return 2 * number\n"


def rules(observation: delivery.DeliveryObservation) -> set[str]:
    return {flaw.rule for flaw in observation.flaws}


def reason(found: pytest.ExceptionInfo[Inconclusive]) -> str:
    return found.value.reason.code


def test_clean_code_has_no_flaws_and_counted_lines(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(CLEAN)
    seen = examine(tmp_path)
    assert (seen.files, seen.lines_of_code, seen.flaws, seen.opaque) == (("good.py",), 2, (), ())


@pytest.mark.parametrize(
    ("name", "comment"),
    [
        ("plain.py", ""),
        ("silenced.py", "  # nosec"),
        ("silenced_one.py", "  # nosec B602"),
        (".git/hidden.py", ""),
        (".tox/hidden.py", ""),
        ("program.pyw", ""),
    ],
)
def test_a_flaw_shows_wherever_it_stands(tmp_path: Path, name: str, comment: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(DIRTY.format(comment=comment))
    (tmp_path / ".bandit").write_text("[bandit]\nskips = B602\nexclude = /\n")
    (tmp_path / "pyproject.toml").write_text('[tool.bandit]\nskips = ["B602"]\n')
    seen = examine(tmp_path)
    assert "B602" in rules(seen)
    assert {flaw.file for flaw in seen.flaws} == {name}


def test_a_program_without_suffix_is_read(tmp_path: Path) -> None:
    (tmp_path / "start").write_text("#!/usr/bin/env python3\n" + DIRTY.format(comment=""))
    assert "B602" in rules(examine(tmp_path))


def test_delivered_modules_are_never_imported(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for name in ("json.py", "sitecustomize.py", "bandit.py", "conftest.py"):
        (tmp_path / name).write_text(f"open({str(trace)!r}, 'w').close()\n")
    examine(tmp_path)
    assert not trace.exists()


def test_more_files_than_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "BATCH", 2)
    for number in range(3):
        (tmp_path / f"n{number}.py").write_text(DIRTY.format(comment=""))
    seen = examine(tmp_path)
    assert {flaw.file for flaw in seen.flaws} == {"n0.py", "n1.py", "n2.py"}
    assert seen.lines_of_code == 6


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "delivery.no-code"),
        ({"README.md": "no code"}, "delivery.no-code"),
        ({"empty.py": ""}, "delivery.no-code"),
        ({"broken.py": "def unfinished(:\n", "good.py": CLEAN}, "delivery.unparsable"),
    ],
)
def test_what_cannot_be_read_is_inconclusive(tmp_path: Path, files: dict[str, str], code: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(Inconclusive) as found:
        examine(tmp_path)
    assert reason(found) == code


def test_a_missing_delivery_is_inconclusive(tmp_path: Path) -> None:
    with pytest.raises(Inconclusive) as found:
        examine(tmp_path / "nowhere")
    assert reason(found) == "delivery.absent"


def test_a_link_is_unsafe(tmp_path: Path) -> None:
    (tmp_path / "link.py").symlink_to("/etc/hostname")
    with pytest.raises(Inconclusive) as found:
        examine(tmp_path)
    assert reason(found) == "delivery.unsafe"


def test_compiled_code_without_source_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(CLEAN)
    (tmp_path / "hidden.pyc").write_bytes(b"\0")
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    (cache / "good.cpython-313.pyc").write_bytes(b"\0")
    (cache / "gone.cpython-313.pyc").write_bytes(b"\0")
    assert examine(tmp_path).opaque == ("__pycache__/gone.cpython-313.pyc", "hidden.pyc")


def test_bandit_that_gives_no_report_is_inconclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "good.py").write_text(CLEAN)
    monkeypatch.setattr("sys.executable", "/bin/true")
    with pytest.raises(Inconclusive) as found:
        examine(tmp_path)
    assert reason(found) == "delivery.not-examined"


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return path


def tarred(path: Path, members: list[tarfile.TarInfo], contents: bytes = b"") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            member.size = len(contents) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(contents))
    return path


def test_a_zip_and_a_tar_are_read(tmp_path: Path) -> None:
    code = DIRTY.format(comment="").encode()
    assert "B602" in rules(examine(zipped(tmp_path / "a.whl", {"pkg/a.py": code})))
    assert "B602" in rules(examine(tarred(tmp_path / "a.tgz", [tarfile.TarInfo("pkg/a.py")], code)))


@pytest.mark.parametrize(
    "name", ["/etc/x.py", "../x.py", "a/../../x.py", "..\\x.py", "C:\\x.py", "C:x.py", "//host/x.py"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    archives = [
        zipped(tmp_path / "a.zip", {name: b"x"}),
        tarred(tmp_path / "a.tgz", [tarfile.TarInfo(name)], b"x"),
    ]
    for number, archive in enumerate(archives):
        folder = tmp_path / f"out{number}" / "in"
        with pytest.raises(Inconclusive) as found:
            unpack(archive, folder)
        assert reason(found) == "delivery.unsafe"
        assert not list(folder.parent.rglob("*.py"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("x.py")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(Inconclusive) as found:
        unpack(tarred(tmp_path / "a.tgz", [member]), tmp_path / "out")
    assert reason(found) == "delivery.unsafe"


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("x.py")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(Inconclusive) as found:
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert reason(found) == "delivery.unsafe"


def test_bombs_are_stopped(tmp_path: Path) -> None:
    zeros = zipped(tmp_path / "zeros.zip", {"a": b"\0" * 30_000_000})
    many = zipped(tmp_path / "many.zip", {str(number): b"" for number in range(11)})
    for archive, limits in ((zeros, Limits()), (many, Limits(files=10))):
        with pytest.raises(Inconclusive) as found:
            unpack(archive, tmp_path / f"out-{archive.stem}", limits)
        assert reason(found) == "delivery.bomb"


def test_a_member_that_stands_twice_is_refused(tmp_path: Path) -> None:
    twice = [tarfile.TarInfo("a.py"), tarfile.TarInfo("a.py")]
    with pytest.raises(Inconclusive) as found:
        unpack(tarred(tmp_path / "a.tgz", twice, b"x"), tmp_path / "out")
    assert reason(found) == "delivery.unsafe"


@pytest.mark.parametrize("damage", ["truncated", "garbage"])
def test_a_damaged_archive_is_inconclusive(tmp_path: Path, damage: str) -> None:
    whole = tarred(tmp_path / "a.tgz", [tarfile.TarInfo("a.py")], bytes(range(256)) * 500).read_bytes()
    file = tmp_path / "damaged.tgz"
    file.write_bytes(whole[: len(whole) // 2] if damage == "truncated" else b"not an archive")
    with pytest.raises(Inconclusive) as found:
        examine(file)
    assert reason(found) == "delivery.damaged"
