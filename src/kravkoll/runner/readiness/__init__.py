"""Before a run: what is ready, what is not, what could not be seen, and who must do what next."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import kravkoll.cast
from kravkoll.city.state import state_of
from kravkoll.contracts.model import Environment, System
from kravkoll.contracts.workspace import Workspace
from kravkoll.runner import city_side, guard, permission
from kravkoll.runner.readiness import agreed, machine, network, own_side
from kravkoll.runner.readiness.condition import Condition


def conditions(workspace: Workspace, environment: Environment | None, supplier: str) -> Iterator[Condition]:
    """Line by line. `supplier` empty means all of the environment's. Only permitted hosts are contacted."""
    output = workspace.layout.output
    yield from machine.conditions(output, state_of(environment.id if environment else ""))
    if environment is None:
        return
    folder, moment = workspace.layout.environments, datetime.now().astimezone()
    systems = _concerned(workspace, environment, supplier)
    with guard.only(permission.hosts(environment, moment)):
        yield from agreed.authorisation(environment, moment)
        yield from agreed.hosts(environment, systems, moment)
        yield from agreed.places(environment, systems, folder, kravkoll.cast.load())
        yield from own_side.conditions(environment, folder)
        yield from network.conditions(
            _looked_at(workspace, environment, systems, moment), environment.trust or "-"
        )


def _concerned(workspace: Workspace, environment: Environment, supplier: str) -> Mapping[str, System]:
    """The supplier's systems and the register; without a supplier, all that the environment has."""
    if not supplier:
        return {name: workspace.systems[name] for name in environment.systems}
    own = {system.id: system for system in workspace.supplier(supplier).systems}
    return own | {environment.register: workspace.systems[environment.register]}


def _looked_at(
    workspace: Workspace, environment: Environment, systems: Mapping[str, System], moment: datetime
) -> list[network.Seen]:
    trust = city_side.anchors(environment, workspace.layout.environments)
    urls = {
        network.endpoint(url): url
        for name in systems
        for url in permission.places_of(environment, name)
        if permission.permitted(environment, url, moment)
    }
    timeout = environment.limits.timeout_seconds
    return [network.look(url, trust, timeout) for _, url in sorted(urls.items())]
