"""One item a row, refused before it contacts anything it must not: for assessments and for duels alike."""

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime

import pytest

from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.workspace import Workspace
from kravkoll.record.outcome import Outcome, Unjudged
from kravkoll.record.rows import Row
from kravkoll.runner import permission, subjects
from kravkoll.runner.context import CONTEXT, SUBJECT
from kravkoll.runner.execution import ROW, Execution, note_judgement

OUR_OUTCOMES = {
    Outcome.INCONCLUSIVE: ("inconclusive", "i", "INCONCLUSIVE"),
    Outcome.NOT_EXERCISED: ("not-exercised", "n", "NOT EXERCISED"),
}


class RowPlugin:
    """Base of the plugin objects that run rows."""

    rows: Sequence[Row]
    execution: Execution
    config: pytest.Config

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.items: dict[str, pytest.Item] = {}
        self.blocked: Mapping[tuple[str, str], Unjudged] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        """Called when registered: pytest's configuration, where fixtures find what is running."""
        self.config = config

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item a row of the function's check."""
        identity = getattr(metafunc.function, "kravkoll_check", None)
        if identity is None:
            return
        if identity not in self.workspace.checks:
            place = metafunc.definition.nodeid
            raise ConfigurationError(f"{place}: no card with id {identity!r} in suites/*/checks.yaml")
        if "kravkoll_row" not in metafunc.fixturenames:
            metafunc.fixturenames.append("kravkoll_row")
        own = [row for row in self.rows if row.check == identity]
        metafunc.parametrize("kravkoll_row", own, ids=[row.id for row in own], indirect=True)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the items that have a row; an empty parametrization makes an item without one."""
        for item in items:
            callspec = getattr(item, "callspec", None)
            row = callspec.params.get("kravkoll_row") if callspec else None
            if isinstance(row, Row):
                item.stash[ROW] = row
                item.extra_keyword_matches.update((row.check, row.id, row.place, row.part))
                self.items[row.id] = item
        items[:] = list(self.items.values())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Refuse, before anything is contacted, what must not or cannot be run."""
        row = item.stash[ROW]
        context = self.config.stash[CONTEXT]
        running = context.platform
        permission.require(
            row,
            running.ground.environment,
            subjects.addresses_of(running, row),
            subjects.row_capabilities(running, row),
            datetime.now().astimezone(),
        )
        item.stash[SUBJECT] = subjects.make(running, row, context.as_of)
        if (row.system, row.part) in self.blocked:
            raise self.blocked[row.system, row.part]
        self.execution.gate(row)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn what a phase raised into an outcome of ours."""
        report = yield
        note_judgement(item, call, report, self.workspace.checks[item.stash[ROW].check])
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Words of ours for what is neither passed nor failed."""
        text = str(report.longrepr[2]) if report.skipped and isinstance(report.longrepr, tuple) else ""
        for outcome, words in OUR_OUTCOMES.items():
            if text.startswith(f"{outcome}:"):
                return words
        return None
