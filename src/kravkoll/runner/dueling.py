"""A worker of the proof: one collection, then duel after duel on fresh stand-ins, in one process.

Run as `python -m kravkoll.runner.dueling ORDER.json`; writes one JSON line a duel to the order's file.
"""

import contextlib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from kravkoll.contracts.layout import Layout
from kravkoll.contracts.model import Flow
from kravkoll.contracts.workspace import load_trusted
from kravkoll.record.outcome import Outcome
from kravkoll.record.rows import Result, Row
from kravkoll.runner import guard, permission, suites
from kravkoll.runner.collecting import RowPlugin
from kravkoll.runner.context import CONTEXT, Context
from kravkoll.runner.duels import Duel, Fought, judge, sample
from kravkoll.runner.execution import Execution
from kravkoll.runner.plan import plan
from kravkoll.runner.platform import Ground, ground, looked_at, platform, watches

AS_AGREED = frozenset({"interface.other-resources"})
"""Reasons of rows that an honest system leaves unseen by agreement."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker is to do; `out` takes a JSON line a duel."""

    workspace: str
    environment: str
    as_of: str
    duels: tuple[Duel, ...]
    out: str

    @classmethod
    def read(cls, path: Path) -> "Task":
        """The task of a JSON file."""
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**fields, "duels": tuple(Duel(**duel) for duel in fields["duels"])})


class Dueling(RowPlugin):
    """Plugin object of one worker."""

    def __init__(self, task: Task) -> None:
        super().__init__(load_trusted(Layout(Path(task.workspace))))
        self.task = task
        self.environment = self.workspace.environment(task.environment)
        self.as_of = date.fromisoformat(task.as_of)
        suppliers = {self.workspace.supplier_of[system] for system in self.environment.systems}
        self.rows = tuple(
            row for name in sorted(suppliers) for row in plan(self.workspace, name, self.as_of).rows
        )
        self.honest: dict[str, str] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """The honest baseline of each stand-in that is needed, then every duel."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(guard.only(permission.hosts(self.environment, datetime.now().astimezone())))
            base = stack.enter_context(ground(self.workspace, self.environment))
            out = stack.enter_context(Path(self.task.out).open("w", encoding="utf-8"))
            for duel in self.task.duels:
                out.write(json.dumps(self._fight(base, duel, session).line(), default=str) + "\n")
                out.flush()
        return True

    def _running_flows(self) -> dict[str, Flow]:
        here = self.environment.systems.keys()
        return {
            flow.id: flow for flow in self.workspace.flows.values() if {flow.sender, flow.receiver} <= here
        }

    def _fight(self, base: Ground, duel: Duel, session: pytest.Session) -> Fought:
        started = time.monotonic()
        card = self.workspace.faults.get(duel.fault)
        chosen = sample(duel, card, self.rows, self.workspace.checks, self._running_flows())
        rows = [row for row in chosen if row.id in self.items]
        known = {row.id: row for row in rows}
        results = self._results(base, duel, rows, session)
        outcomes = {identity: str(result.outcome) for identity, result in results.items()}
        if card is None:
            self.honest |= outcomes
            caught: Mapping[str, str] = {}
            complaints = [
                f"{identity} is {result.outcome} ({_why(result)}) at the honest one"
                for identity, result in results.items()
                if result.outcome is not Outcome.MET and not _as_agreed(result)
            ]
        else:
            self._baseline(base, known, session)
            caught, complaints = judge(card, results, known, self.honest)
        return Fought(
            duel=duel.id,
            fault=duel.fault,
            standin=duel.standin,
            caught=caught,
            complaints=tuple(complaints),
            rows={
                identity: f"{outcomes[identity]} {_why(results[identity])}".strip() for identity in outcomes
            },
            seconds=round(time.monotonic() - started, 3),
        )

    def _baseline(self, base: Ground, known: Mapping[str, Row], session: pytest.Session) -> None:
        """What rows say without the fault, where this worker has not seen it yet."""
        unseen = {identity for identity in known if identity not in self.honest}
        if unseen:
            # a row whose control is not run beside it is not exercised: the controls come along, seen or not
            while more := {known[one].control for one in unseen} & set(known) - unseen:
                unseen |= more
            rows = [row for row in known.values() if row.id in unseen]
            results = self._results(base, Duel("", "", ""), rows, session)
            self.honest |= {identity: str(result.outcome) for identity, result in results.items()}

    def _results(
        self, base: Ground, duel: Duel, rows: list[Row], session: pytest.Session
    ) -> Mapping[str, Result]:
        fault = (duel.standin, duel.fault) if duel.fault else None
        through_proxy = watches(self.workspace, rows)
        needed = looked_at(self.workspace, rows)
        with platform(
            base, fault=fault, duelling=True, through_proxy=through_proxy, needed=needed
        ) as running:
            self.config.stash[CONTEXT] = Context(running, self.as_of)
            self.execution = Execution(self.workspace.checks, lambda *_: None, lambda _: "C", repeat=False)
            self.execution.run([self.items[row.id] for row in rows], session)
        return self.execution.results


def _as_agreed(result: Result) -> bool:
    """Whether nothing is looked at since it was agreed that there is nothing to see."""
    return bool(result.reason and result.reason.code in AS_AGREED)


def _why(result: Result) -> str:
    return ", ".join(f.code for f in result.findings) or str(result.reason or "") + (
        f" {result.observation}" if result.outcome is Outcome.ERROR else ""
    )


class _Entry:
    """Registers the worker's plugin once pytest has its configuration."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(Dueling(self.task), "kravkoll-dueling")


def main(path: str) -> int:
    """Fight the duels of a task file."""
    task = Task.read(Path(path))
    layout = Layout(Path(task.workspace))
    return int(pytest.main(suites.arguments(layout), plugins=[_Entry(task)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
