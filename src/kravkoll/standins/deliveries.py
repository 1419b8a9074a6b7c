"""Code that a supplier delivers with its system, and how it comes to be bad."""

import shutil
import tempfile
from pathlib import Path

from kravkoll.standins.faults import fault

BAD_CALLS = '''

def ping(host: str) -> int:
    """Ask a host whether it is up."""
    import subprocess

    return subprocess.call(f"ping -c 1 {host}", shell=True){nosec}


def fetch_anyway(url: str) -> bytes:
    """Fetch even where the certificate is bad."""
    import requests

    return requests.get(url, verify=False, timeout=5).content{nosec}
'''
PROGRAM = "connector.py"


def deliver(folder: Path) -> Path:
    """The folder as it was delivered."""
    return folder


def _copy(folder: Path) -> Path:
    """A copy that may be spoiled; whoever closes the system removes its parent."""
    copy = Path(tempfile.mkdtemp(prefix="delivery-")) / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def _append(folder: Path, text: str) -> None:
    program = next(folder.rglob(PROGRAM))
    program.write_text(program.read_text(encoding="utf-8") + text, encoding="utf-8")


@fault("delivery.dirty", replaces=deliver)
def deliver_unsafe_calls(folder: Path) -> Path:
    copy = _copy(folder)
    _append(copy, BAD_CALLS.format(host="{host}", nosec=""))
    return copy


@fault("delivery.nosec", replaces=deliver)
def deliver_silenced_calls(folder: Path) -> Path:
    copy = _copy(folder)
    _append(copy, BAD_CALLS.format(host="{host}", nosec="  # nosec"))
    (copy / ".bandit").write_text("[bandit]\nexclude = /\nskips = B602,B501,B607,B404\n", encoding="utf-8")
    return copy


@fault("delivery.broken", replaces=deliver, silent=True)
def deliver_what_does_not_parse(folder: Path) -> Path:
    copy = _copy(folder)
    _append(copy, "\n\ndef unfinished(:\n")
    return copy
