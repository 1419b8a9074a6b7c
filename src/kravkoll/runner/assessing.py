"""One assessment: one supplier, one environment, one process, one writer."""

import contextlib
import signal
import subprocess
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path

import pytest

from kravkoll.city.interception import end, warmed_up
from kravkoll.contracts import sources
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.workspace import load
from kravkoll.probes.pacing import paced
from kravkoll.record.assessment import Assessment, assess
from kravkoll.record.evidence import EvidenceStore
from kravkoll.record.journal import Journal, read
from kravkoll.record.outcome import Outcome, Reason
from kravkoll.record.redaction import Redactor
from kravkoll.record.rollup import Exit, worst
from kravkoll.record.rows import Result, Row
from kravkoll.runner import city_side, guard, header, permission, preflight, selecting, subjects
from kravkoll.runner.collecting import RowPlugin
from kravkoll.runner.context import CONTEXT, Context
from kravkoll.runner.execution import NOTES, Execution
from kravkoll.runner.freezing import Followed, follow
from kravkoll.runner.plan import Plan, plan
from kravkoll.runner.platform import ground, looked_at, platform, watches


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be assessed, as asked for on the command line."""

    layout: Layout
    environment: str
    supplier: str
    as_of: date
    rows: tuple[str, ...] = ()
    keyword: str = ""
    checks: frozenset[str] | None = None
    """Checks of the files that were named; None means all."""
    phase: str = "acceptance"
    rule: str = ""
    side: str = "city"
    fault: str = ""
    """A fault that a simulated system is started with, to see what its supplier would be told."""
    frozen: Path | None = None
    """A frozen plan that the run follows: what is newer is advice."""
    out: Path | None = None


class Assessing(RowPlugin):
    """Plugin object of one assessment."""

    def __init__(self, order: Order, progress: Callable[[str, str], None] = lambda *_: None) -> None:
        super().__init__(load(order.layout))
        self.order = order
        self.progress = progress
        self.environment = self.workspace.environment(order.environment)
        city_side.require_free(self.environment, order.layout.environments)
        self.rule, self.gate = selecting.gate(self.workspace, order.rule, order.phase)
        whole = plan(self.workspace, order.supplier, order.as_of)
        self.followed = self._followed(whole)
        whole = self.followed.plan if self.followed else whole
        self.plan, self.selection = selecting.narrowed(whole, order.rows, order.keyword, order.checks)
        self.fault = selecting.faulty(self.workspace, self.environment, whole.supplier, order.fault)
        self.started = datetime.now().astimezone()
        self.run_id = f"{self.started:%Y%m%dT%H%M%S}-{order.supplier}-{order.environment}"
        self.folder = selecting.fresh(order.out or order.layout.output / self.run_id)
        self.exit: Exit | None = None
        self.assessment: Assessment | None = None
        self.collection_errors: dict[str, str] = {}
        self.interrupted: str | None = None
        self.rows = self.plan.rows
        self.watches = watches(self.workspace, self.rows)
        self.warm: subprocess.Popen[bytes] | None = None

    def _followed(self, whole: Plan) -> Followed | None:
        path = self.order.frozen
        if path is None:
            return None
        return follow(path, self.workspace, whole, self.environment, self.order.as_of)

    def files(self) -> list[Path]:
        """The suite files that the plan needs: no others are imported."""
        marked = sources.functions(self.order.layout)
        here = set(self.environment.systems)
        return sorted(
            {
                path
                for row in self.rows
                if not row.system or row.system in here
                for path in marked.get(row.check, ())
            }
        )

    def pytest_sessionstart(self) -> None:
        """The proxy loads while the suites are collected."""
        if self.watches and not self.config.getoption("collectonly"):
            self.warm = warmed_up()

    def pytest_unconfigure(self) -> None:
        """A session that ended before its run leaves no process behind."""
        if self.warm is not None:
            end(self.warm)

    # -- collection ------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Remember which modules failed to import: their rows are errors of ours, not silence."""
        report = yield
        if report.failed and isinstance(collector, pytest.Module):
            self.collection_errors[str(collector.path)] = str(report.longrepr)[-600:]
        return report

    # -- running ---------------------------------------------------------------------------------------------

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Write the plan, run every row, write every result."""
        if session.config.getoption("collectonly"):
            return True
        with contextlib.ExitStack() as stack:
            stack.enter_context(_ended_by_request())
            stack.enter_context(guard.only(permission.hosts(self.environment, self.started)))
            if self.environment.kind != "simulated":
                limits = self.environment.limits
                stack.enter_context(paced(limits.requests, limits.per_second))
            base = stack.enter_context(ground(self.workspace, self.environment, self.warm))
            redactor = Redactor(base.cast.values())
            store = EvidenceStore(self.folder / "evidence", redactor)
            journal = stack.enter_context(Journal(self.folder, redactor.redact_json))
            for line in header.lines(self):
                journal.write(line)
            journal.plan(self.plan.rows)
            needed = looked_at(self.workspace, self.rows)
            running = stack.enter_context(
                platform(base, fault=self.fault, through_proxy=self.watches, needed=needed)
            )
            self.config.stash[CONTEXT] = Context(running, self.order.as_of)
            self.blocked = preflight.blocked(running, self.plan.rows, self.progress)
            self._execute(session, journal, store)
        return True

    def _execute(self, session: pytest.Session, journal: Journal, store: EvidenceStore) -> None:
        def sink(row: Row, result: Result, waiting: bool) -> None:
            if waiting:
                journal.waiting(result)
                return
            journal.result(replace(result, evidence=tuple(self._keep(row, journal, store))))
            self.progress(row.id, str(result.outcome))

        self.execution = Execution(self.workspace.checks, sink, self._grade, forget=self._forget)
        try:
            for row in self.plan.rows:
                if row.id not in self.items:
                    sink(row, self._without_item(row), False)
            self.execution.run(list(self.items.values()), session)
        except (session.Interrupted, KeyboardInterrupt) as stop:
            self.interrupted = f"{type(stop).__name__}: {stop}".rstrip(": ")
            raise
        finally:
            journal.footer(finished=datetime.now().astimezone().isoformat(), interrupted=self.interrupted)

    def _forget(self) -> None:
        self.config.stash[CONTEXT].platform.memo.values.clear()

    def _grade(self, row: Row) -> str:
        """A document's own, by who issued it; else the environment's."""
        document = subjects.document_of(self.config.stash[CONTEXT].platform, row, self.order.as_of)
        return document.assurance if document else self.environment.grade

    def _without_item(self, row: Row) -> Result:
        """A system that is not in this environment, or a check whose code could not be loaded."""
        if row.system and row.system not in self.environment.systems:
            code = "environment.no-system" if self.plan.procured else "supplier.not-procured"
            return Result(row=row.id, outcome=Outcome.NOT_EXERCISED, reason=Reason(code, row.system))
        told = "; ".join(self.collection_errors.values()) or f"no function is marked @check({row.check!r})"
        reason = Reason("check.not-loaded")
        return Result(row=row.id, outcome=Outcome.ERROR, reason=reason, observation=told)

    def _keep(self, row: Row, journal: Journal, store: EvidenceStore) -> Iterator[str]:
        """Store what the row noted, each by its digest."""
        item = self.items.get(row.id)
        for note in item.stash.get(NOTES, []) if item else ():
            kept = store.put(note, "application/json")
            journal.write({"type": "evidence", **asdict(kept), "row": row.id})
            yield kept.digest

    # -- the end ---------------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """The exit status is the acceptance rule's, not the count of failed tests."""
        if not (self.folder / "results.jsonl").exists():
            return
        self.assessment = assess(read(self.folder))
        broken = {Exit.OUR_FAULT} if exitstatus == pytest.ExitCode.INTERNAL_ERROR else set()
        self.exit = worst({self.assessment.exit, *broken})
        session.exitstatus = int(self.exit)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Where the record is, and what it is worth; `kravkoll run` does not load pytest's terminal."""
        if self.exit is None:
            return
        if self.selection:
            terminalreporter.write_line(f"kravkoll: a partial run ({self.selection}) accepts nothing")
        told = self.exit.name.lower().replace("_", " ")
        terminalreporter.write_line(
            f"kravkoll: exit {int(self.exit)} ({told}); `kravkoll report {self.folder}`"
        )


@contextlib.contextmanager
def _ended_by_request() -> Iterator[None]:
    """A polite end (SIGTERM, as from a CI that cancels) is an interruption: the record gets its footer."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt("ended by SIGTERM")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
