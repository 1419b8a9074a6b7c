"""One simulated system, for a developer to try against: with the city and the systems that it reads."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kravkoll import standins
from kravkoll.contracts import documents
from kravkoll.contracts.errors import ConfigurationError, near
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.model import CitySide, Deployment, Environment
from kravkoll.contracts.workspace import Workspace, load_trusted
from kravkoll.runner.platform import Platform, ground, platform

NOT_SYSTEMS = frozenset({"demo", "city-login"})
"""Files beside the systems in mocks/ that are not started: the city's own login runs beside each."""


def names(layout: Layout) -> tuple[str, ...]:
    """Every simulated system that can be started."""
    return tuple(sorted(path.stem for path in layout.shared("mocks") if path.stem not in NOT_SYSTEMS))


def file_of(layout: Layout, name: str) -> Path:
    """The file of a simulated system. Raises ConfigurationError with the nearest name."""
    if name not in names(layout):
        raise ConfigurationError(f"no simulated system {name!r}; {near(name, names(layout))}".rstrip("; "))
    return layout.file("mocks", f"{name}.yaml")


def faults_of(workspace: Workspace, name: str) -> tuple[str, ...]:
    """The defects that a simulated system can be started with."""
    return tuple(sorted(card.id for card in workspace.faults.values() if name in card.applies_to))


def require_fault(workspace: Workspace, name: str, fault: str) -> None:
    """Raise ConfigurationError where the system cannot be started with that fault."""
    known = faults_of(workspace, name)
    if fault and fault not in known:
        others = workspace.faults[fault].applies_to if fault in workspace.faults else ()
        meant = f"it is one of {', '.join(others)}" if others else near(fault, known)
        meant = meant or f"`kravkoll mock --list {name}` names those that it has"
        raise ConfigurationError(f"{name} has no fault {fault!r}; {meant}")


def workspace_for(layout: Layout, name: str) -> Workspace:
    """The workspace if it knows the system, else the package's with this one's files before its own."""
    own = load_trusted(layout)
    return own if name in own.systems else replace(load_trusted(Layout(packaged())), layout=layout)


def environment_for(layout: Layout, name: str, host: str, public_name: str) -> Environment:
    """The system, all that it reads, and all that those read; thrown away afterwards."""
    wanted: dict[str, tuple[str, ...]] = {}
    waiting = [name]
    while waiting:
        system = waiting.pop()
        if system not in wanted and system in names(layout):
            wanted[system] = _sources(layout, system)
            waiting += wanted[system]
    register = next((source for source in wanted[name] if source in wanted), name)
    return Environment(
        id="mock",
        kind="simulated",
        systems={system: Deployment(standin=system) for system in wanted},
        register=register,
        city=CitySide(public_name=public_name, bind=host),
        throwaway=True,
    )


def _sources(layout: Layout, name: str) -> tuple[str, ...]:
    read = documents.read(file_of(layout, name), f"mocks/{name}.yaml").data
    interfaces = read["interfaces"]
    return (*standins.sources_of(interfaces), *sorted(standins.leads_to(interfaces)))


@contextlib.contextmanager
def alone(
    workspace: Workspace, environment: Environment, name: str, fault: str, port: int
) -> Iterator[Platform]:
    """The system, started; ConfigurationError where the port is busy."""
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(ground(workspace, environment))
        base.ports[name] = port
        told = (name, fault) if fault else None
        try:
            running = stack.enter_context(platform(base, fault=told, through_proxy=False))
        except OSError as error:
            where = f"{environment.city.bind}:{port}"
            raise ConfigurationError(
                f"{name} cannot listen on {where}: {error.strerror}; choose another --port, or leave it out"
            ) from error
        yield running
