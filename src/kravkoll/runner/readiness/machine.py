"""The machine that runs: Python, packages, programs, proxies, disk and folders."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from kravkoll.runner.readiness.condition import Condition, not_ready, noted, ready

OLDEST = (3, 13)
NAME = re.compile(r"[A-Za-z0-9._-]+")
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "program.chromium": ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge"),
    "program.nginx": ("nginx",),
}
"""What no check needs, but some tests and proofs do."""
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
LEAST_FREE = 500 * 1024 * 1024
"""Bytes: a record with its evidence and reports is some tens of megabytes."""


def conditions(output: Path, state: Path) -> Iterator[Condition]:
    """`output` is where reports land, `state` where the city's keys are kept."""
    yield _python()
    yield _packages()
    yield from _programs()
    yield _proxies()
    yield _folder("folder.output", output)
    yield _folder("folder.state", state)
    yield _disk(output)


def _python() -> Condition:
    tell = ready if sys.version_info[:2] >= OLDEST else not_ready
    return tell("python", "harness", version=platform.python_version())


def _packages() -> Condition:
    try:
        required = [text for text in metadata.requires("kravkoll") or () if "extra ==" not in text]
    except metadata.PackageNotFoundError:  # run from a folder that was only unpacked
        required = []
    names = [match[0] for text in required if (match := NAME.match(text))]
    missing = [name for name in names if not _installed(name)]
    if missing:
        return not_ready("packages", "harness", missing=", ".join(missing))
    return ready("packages", "harness", number=len(names))


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _programs() -> Iterator[Condition]:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    for code, names in PROGRAMS.items():
        found = next((place for name in names if (place := shutil.which(name, path=path))), None)
        yield ready(code, "harness", place=found) if found else noted(code, "harness")


def _proxies() -> Condition:
    """We connect directly, so a network that demands a proxy is in the way, whatever the variables say."""
    told = [name for one in PROXIES for name in (one, one.lower()) if os.environ.get(name)]
    if not told:
        return ready("proxy", "network")
    return noted("proxy", "network", variables=", ".join(told))


def _folder(code: str, folder: Path) -> Condition:
    there = _existing(folder)
    tell = ready if there.is_dir() and os.access(there, os.W_OK) else not_ready
    return tell(code, "harness", folder=folder)


def _disk(folder: Path) -> Condition:
    free = shutil.disk_usage(_existing(folder)).free
    tell = ready if free >= LEAST_FREE else not_ready
    return tell("disk", "harness", megabytes=free // 1024 // 1024)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
