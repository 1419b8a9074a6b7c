"""Assess from our own command line: pytest in this process, or one process a supplier."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from kravkoll.record.rollup import Exit
from kravkoll.runner import suites
from kravkoll.runner.assessing import Assessing, Order


@dataclass(frozen=True, slots=True)
class Ended:
    """One supplier's assessment as it ended; `folder` holds the record, if it came that far."""

    supplier: str
    exit: Exit
    folder: Path | None


class _Entry:
    """Registers the assessment once pytest has its configuration."""

    def __init__(self, assessing: Assessing) -> None:
        self.assessing = assessing

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.args[:] = [str(path) for path in self.assessing.files()]
        config.pluginmanager.register(self.assessing, "kravkoll-assessing")


def assess_here(order: Order, progress: Callable[[str, str], None] = lambda *_: None) -> Ended:
    """One assessment in this process. Raises ConfigurationError before anything is contacted."""
    assessing = Assessing(order, progress)
    with suites.quiet_environment():
        code = pytest.main(suites.arguments(order.layout), plugins=[_Entry(assessing)])
    if assessing.exit is None:
        interrupted = (
            code == pytest.ExitCode.INTERRUPTED
        )  # anything else: pytest could not begin with our suites
        return Ended(order.supplier, Exit.INTERRUPTED if interrupted else Exit.OUR_FAULT, None)
    return Ended(order.supplier, assessing.exit, assessing.folder)


def assess_apart(commands: Sequence[tuple[str, Iterable[str]]], workers: int) -> list[tuple[str, int, str]]:
    """One process a supplier, some at a time: (supplier, exit code, what it wrote) in the given order."""

    def run(command: tuple[str, Iterable[str]]) -> tuple[str, int, str]:
        supplier, arguments = command
        done = subprocess.run(
            [sys.executable, "-m", "kravkoll", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return supplier, done.returncode, done.stdout

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, commands))
