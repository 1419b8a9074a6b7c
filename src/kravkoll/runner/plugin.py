"""The pytest plugin: inert without --env; with it, the suites assess one supplier in one environment."""

import sys
from datetime import date
from pathlib import Path

import pytest

from kravkoll.contracts import sources
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.runner.assessing import Assessing, Order
from kravkoll.runner.collecting import RowPlugin

IDLE = pytest.StashKey[int]()
"""How many checks were deselected for want of --env."""

FOREIGN_CHOICES = {
    "markexpr": "-m",
    "deselect": "--deselect",
    "ignore": "--ignore",
    "ignore_glob": "--ignore-glob",
    "setuponly": "--setup-only",
    "setupplan": "--setup-plan",
}
"""pytest's own ways to leave something out, by the name of the option's value."""

pytest_plugins = ["kravkoll.runner.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of an assessment."""
    group = parser.getgroup("kravkoll", "contract requirements checked against a delivered integration")
    group.addoption(
        "--env", help="environment of contracts/environments/ to look at; without it the plugin is inert"
    )
    group.addoption("--supplier", help="supplier of contracts/suppliers/ to assess")
    group.addoption(
        "--row", action="append", default=[], help="run only this row (repeatable), with its control"
    )
    group.addoption("--as-of", help="day that dated rules are read on, such as 2026-11-23; today if silent")
    group.addoption(
        "--phase", default="acceptance", help="phase of the acceptance rule that the exit code follows"
    )
    group.addoption("--rule", help="acceptance rule; the first of contracts/acceptance.yaml if silent")
    group.addoption("--side", default="city", choices=("city", "supplier"), help="who makes this run")
    group.addoption("--workspace", help="folder with contracts/; the nearest one upwards if silent")
    group.addoption("--out", help="folder of this run's record; reports/out/<run> if silent")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the assessment where --env asks for one, and collect only the files that its plan needs."""
    if not config.getoption("--env"):
        return
    try:
        _refuse_foreign_choices(config)
        assessing = Assessing(_order(config))
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error
    config.args[:] = [str(path) for path in assessing.files()]
    config.option.keyword = ""  # the plan is narrowed already; pytest would deselect the controls
    config.pluginmanager.register(assessing, "kravkoll-assessing")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without an assessment or a duel a check has nothing to look at: it is deselected, no error."""
    if any(isinstance(plugin, RowPlugin) for plugin in config.pluginmanager.get_plugins()):
        return
    idle = [item for item in items if hasattr(getattr(item, "function", None), "kravkoll_check")]
    if idle:
        items[:] = [item for item in items if item not in idle]
        config.stash[IDLE] = len(idle)
        config.hook.pytest_deselected(items=idle)


def pytest_report_collectionfinish(config: pytest.Config) -> str:
    """Say how checks are run, where some were deselected."""
    idle = config.stash.get(IDLE, 0)
    told = "run them with --env ENVIRONMENT --supplier SUPPLIER, such as --env demo --supplier tempus"
    return f"kravkoll: {idle} checks have nothing to look at; {told}" if idle else ""


def _refuse_foreign_choices(config: pytest.Config) -> None:
    """A row that pytest leaves out, or runs without its call, makes the record untrue."""
    for option, name in FOREIGN_CHOICES.items():
        if getattr(config.option, option, None):
            raise ConfigurationError(f"{name} cannot be used with --env; choose rows with -k or --row")
    if getattr(config.option, "numprocesses", None) or getattr(config.option, "dist", "no") != "no":
        raise ConfigurationError("an assessment is one process with one writer; run without -n and --dist")


def _order(config: pytest.Config) -> Order:
    option = config.option
    if not option.supplier:
        raise ConfigurationError("--env needs --supplier; `kravkoll list suppliers` shows them")
    layout = Layout.find(Path(option.workspace) if option.workspace else None)
    return Order(
        layout=layout,
        environment=option.env,
        supplier=option.supplier,
        rows=tuple(option.row),
        keyword=option.keyword,
        checks=sources.below(layout, config.args, config.invocation_params.dir),
        as_of=_day(option.as_of),
        phase=option.phase,
        rule=option.rule or "",
        side=option.side,
        out=Path(option.out) if option.out else None,
    )


def _day(text: str | None) -> date:
    if not text:
        return date.today()  # noqa: DTZ011  # the day where the person sits
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--as-of {text!r} is not a date; write one such as 2026-11-23") from error


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call() -> None:
    """Give Hypothesis its printer back: schemathesis blanks every counterexample once it is imported."""
    if "schemathesis" in sys.modules:
        from kravkoll.probes.counterexamples import restore_printer  # noqa: PLC0415  # Hypothesis takes 300 ms

        restore_printer()
