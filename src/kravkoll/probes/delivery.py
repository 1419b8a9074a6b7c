"""Looks at delivered Python code with bandit. The code is read, never installed and never imported."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kravkoll.probes.delivered_archive import Limits, unpack
from kravkoll.record.outcome import Inconclusive

type Report = Mapping[str, Any]

SECONDS = 300.0
BATCH = 500
"""Files for each start of bandit: a command line holds only so many names."""
OPAQUE = frozenset(
    {".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib", ".exe", ".jar", ".zip", ".whl", ".egg", ".tar", ".tgz"}
)
"""Kinds of file that hold code which bandit cannot read."""
BUILT = "__pycache__"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One weakness; severity and confidence are low, medium or high, `rule` is bandit's id such as B602."""

    rule: str
    says: str
    severity: str
    confidence: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class DeliveryObservation:
    """What the examination saw. Paths are relative to the delivery."""

    files: tuple[str, ...]
    lines_of_code: int
    flaws: tuple[Flaw, ...]
    opaque: tuple[str, ...]
    """Files that may hold code but have no readable source."""
    tool: str


def examine(delivery: Path, limits: Limits | None = None) -> DeliveryObservation:
    """Every weakness in a delivered folder or archive; Inconclusive where any of it could not be read."""
    if not delivery.exists():
        raise Inconclusive("delivery.absent", delivery.name)
    if delivery.is_dir():
        return _examine_folder(delivery)
    with tempfile.TemporaryDirectory(prefix="kravkoll-delivery-") as folder:
        unpack(delivery, Path(folder), limits)
        return _examine_folder(Path(folder))


def _examine_folder(folder: Path) -> DeliveryObservation:
    root = folder.resolve()
    paths = sorted(_plain_files(root))
    sources = [path for path in paths if _is_python(path)]
    if not sources:
        raise Inconclusive("delivery.no-code", f"{folder.name} holds no Python code")
    reports = [_bandit(sources[start : start + BATCH]) for start in range(0, len(sources), BATCH)]
    _all_was_read(reports, sources, root)
    return DeliveryObservation(
        files=tuple(_shown(path, root) for path in sources),
        lines_of_code=sum(_lines(report) for report in reports),
        flaws=tuple(_flaw(row, root) for report in reports for row in report["results"]),
        opaque=tuple(_shown(path, root) for path in paths if _is_opaque(path)),
        tool=f"bandit {version('bandit')}",
    )


def _plain_files(folder: Path) -> Iterator[Path]:
    """Every file below the folder, hidden ones too. A link could lead anywhere, so none is followed."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise Inconclusive("delivery.unsafe", f"{_shown(path, folder)} is a link")
        if path.is_file():
            yield path


def _is_python(path: Path) -> bool:
    """By name, or by the first line: a program needs no suffix to be run."""
    if path.suffix in (".py", ".pyw"):
        return True
    if path.suffix:
        return False
    try:
        with path.open("rb") as file:
            first = file.readline(200)
    except OSError as error:
        raise Inconclusive("delivery.unreadable", f"{path.name}: {error.strerror}") from error
    return first.startswith(b"#!") and b"python" in first


def _is_opaque(path: Path) -> bool:
    """Compiled code, or an archive; not what the interpreter keeps beside a source that is there."""
    if path.suffix.lower() not in OPAQUE:
        return False
    source = path.parent.parent / f"{path.name.split('.', 1)[0]}.py"
    return not (path.parent.name == BUILT and source.is_file())


def _bandit(sources: Sequence[Path]) -> Report:
    """bandit's own report. Its exit code is 0 for what it could not read, so nobody looks at it.

    Files are named one by one, `-x ""` puts out the default that skips folders, and neither a `.bandit` file
    nor a `nosec` comment of the delivery is heard. Isolated mode keeps delivered modules off the import path.
    """
    with tempfile.TemporaryDirectory(prefix="kravkoll-bandit-") as folder:
        settings, answer = Path(folder) / "settings.ini", Path(folder) / "answer.json"
        settings.write_text("[bandit]\n", encoding="utf-8")
        options = ["--ini", str(settings), "--ignore-nosec", "-x", "", "-q", "-f", "json", "-o", str(answer)]
        command = [sys.executable, "-I", "-m", "bandit", *options, *map(str, sources)]
        try:
            subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
            report: Report = json.loads(answer.read_bytes())
        except subprocess.TimeoutExpired as error:
            raise Inconclusive("delivery.timeout", f"{SECONDS:.0f} s") from error
        except (OSError, ValueError) as error:
            raise Inconclusive("delivery.not-examined", f"bandit gave no report: {error}") from error
    if not {"errors", "results", "metrics"} <= report.keys():
        raise Inconclusive("delivery.not-examined", "bandit's report has another shape than the one we know")
    return report


def _all_was_read(reports: Sequence[Report], sources: Sequence[Path], root: Path) -> None:
    errors = [
        f"{_shown(Path(row['filename']), root)}: {row['reason']}"
        for report in reports
        for row in report["errors"]
    ]
    if errors:
        raise Inconclusive("delivery.unparsable", "; ".join(errors[:5]))
    read = {Path(name).resolve() for report in reports for name in report["metrics"]}
    skipped = [_shown(path, root) for path in sources if path not in read]
    if skipped:
        raise Inconclusive("delivery.skipped", ", ".join(skipped[:5]))
    if sum(_lines(report) for report in reports) <= 0:
        raise Inconclusive("delivery.no-code", "not one line of code was read")


def _lines(report: Report) -> int:
    return int(report["metrics"]["_totals"]["loc"])


def _flaw(row: Mapping[str, Any], root: Path) -> Flaw:
    return Flaw(
        rule=str(row["test_id"]),
        says=str(row["issue_text"]),
        severity=str(row["issue_severity"]).lower(),
        confidence=str(row["issue_confidence"]).lower(),
        file=_shown(Path(row["filename"]), root),
        line=int(row["line_number"]),
    )


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
