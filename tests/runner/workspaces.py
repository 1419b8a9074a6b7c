"""A workspace to break: the packaged contracts, and as much of the rest as a test edits."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kravkoll.contracts.layout import Layout, packaged
from kravkoll.record.assessment import Assessment, assess
from kravkoll.record.journal import Record, read
from kravkoll.record.rows import Result
from kravkoll.runner.assess import assess_here
from kravkoll.runner.assessing import Order

AS_OF = date(2026, 11, 23)
"""The day on which the demo's documents are valid, or expired on purpose."""

IGNORED = shutil.ignore_patterns("out", "__pycache__", "*.pyc")


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended: its exit code, its folder and what it wrote to the terminal."""

    exit: int
    folder: Path
    output: str = ""

    @property
    def record(self) -> Record:
        return read(self.folder)

    @property
    def assessment(self) -> Assessment:
        return assess(self.record)

    @property
    def results(self) -> Mapping[str, Result]:
        return self.record.results

    @property
    def outcomes(self) -> dict[str, str]:
        return {row: str(result.outcome) for row, result in self.results.items()}

    @property
    def reasons(self) -> dict[str, str]:
        return {row: result.reason.code if result.reason else "" for row, result in self.results.items()}

    @property
    def lines(self) -> list[dict[str, Any]]:
        text = (self.folder / "results.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The copy's root, and what tests do with it."""

    root: Path

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, name: str, before: str, after: str) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert before in text, f"{name} holds no {before!r}"
        path.write_text(text.replace(before, after, 1), encoding="utf-8")

    def environment(
        self,
        identity: str,
        systems: Mapping[str, Mapping[str, Any]],
        *,
        kind: str = "test",
        timeout: float = 0.5,
        **facts: Any,
    ) -> None:
        """An environment file: YAML is a superset of JSON. `systems` is system to interface to its place."""
        body = {
            "id": identity,
            "kind": kind,
            "register": next(iter(systems)),
            "systems": {name: {"interfaces": places} for name, places in systems.items()},
            "limits": {"timeout_seconds": timeout},
            **facts,
        }
        self.write(f"contracts/environments/{identity}.yaml", json.dumps(body, indent=1))

    def assess(self, environment: str, supplier: str, *, keyword: str = "", rows: Iterable[str] = ()) -> Run:
        """One assessment in this process: for workspaces whose suites are the packaged ones."""
        order = Order(
            layout=Layout(self.root),
            environment=environment,
            supplier=supplier,
            as_of=AS_OF,
            keyword=keyword,
            rows=tuple(rows),
            out=self.root / "run",
        )
        ended = assess_here(order)
        assert ended.folder is not None
        return Run(int(ended.exit), ended.folder)

    def run(
        self,
        *arguments: str,
        environment: str = "demo",
        supplier: str = "tempus",
        variables: Mapping[str, str] | None = None,
    ) -> Run:
        """`kravkoll run` in a process of its own."""
        out = self.root / "run"
        given = ("--env", environment, "--supplier", supplier, "--out", str(out), "--as-of", str(AS_OF))
        done = self.kravkoll("run", *given, *arguments, variables=variables)
        return Run(done.returncode, out, done.stdout + done.stderr)

    def kravkoll(
        self, command: str, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Any command of ours on this workspace."""
        return subprocess.run(
            [sys.executable, "-m", "kravkoll", command, "--workspace", str(self.root), *arguments],
            env=self.variables(variables),
            capture_output=True,
            text=True,
            check=False,
        )

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The process environment of a run: the city's state in this copy, wide lines, no colours."""
        own = {"KRAVKOLL_STATE": str(self.root / "state"), "COLUMNS": "400", "NO_COLOR": "1"}
        return {**os.environ, **own, **(more or {})}


def copied(folder: Path, *parts: str) -> Workspace:
    """A copy of contracts/, and of other folders of the packaged workspace where a test edits them."""
    for part in ("contracts", *parts):
        shutil.copytree(packaged() / part, folder / part, ignore=IGNORED)
    return Workspace(folder)
