"""Before a run: which places can be reached, which secrets are there, and who must do what."""

import errno
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from kravkoll.checks.subject import DEFAULT_PORTS
from kravkoll.contracts.model import Place
from kravkoll.record.outcome import Inconclusive, NotExercised, Unjudged
from kravkoll.record.rows import Row
from kravkoll.runner.permission import secret

if TYPE_CHECKING:
    from kravkoll.runner.platform import Platform

NO_WAY = frozenset({errno.ENETUNREACH, errno.ENETDOWN})

type Whose = Literal["configuration", "harness", "network", "supplier"]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a place cannot be looked at, and whose it is to mend."""

    system: str
    interface: str
    whose: Whose
    unjudged: Unjudged


def obstacles(platform: "Platform", rows: Iterable[Row]) -> Iterator[Obstacle]:
    """What stands in the way of the planned rows, place by place; each place is tried once."""
    environment = platform.ground.environment
    places = sorted({(row.system, row.part) for row in rows if row.kind == "interface"})
    for system, interface in places:
        deployment = environment.systems.get(system)
        place = deployment.interfaces.get(interface) if deployment else None
        if place is not None and place.secret:
            yield from _secret(platform, system, interface, place)
        address = platform.addresses.get((system, interface), "")
        if address and system not in platform.running:
            yield from _reach(system, interface, address, environment.limits.timeout_seconds)


MEND = {
    "configuration": "your configuration",
    "harness": "our harness",
    "network": "the network",
    "supplier": "the supplier's system",
}


def blocked(
    platform: "Platform", rows: Iterable[Row], tell: Callable[[str, str], None] = lambda *_: None
) -> Mapping[tuple[str, str], Unjudged]:
    """(system, interface) to the reason that every row there carries; `tell` hears whose each is to mend."""
    found = list(obstacles(platform, rows))
    for one in found:
        tell(f"{one.system}/{one.interface}: {one.unjudged.reason} ({MEND[one.whose]})", "preflight")
    return {(one.system, one.interface): one.unjudged for one in found}


def _secret(platform: "Platform", system: str, interface: str, place: Place) -> Iterator[Obstacle]:
    folder = platform.ground.workspace.layout.environments
    try:
        secret(place.secret or "", folder)
    except NotExercised as missing:
        yield Obstacle(system, interface, "configuration", missing)


def _reach(system: str, interface: str, address: str, timeout: float) -> Iterator[Obstacle]:
    """A host that is down is found out once, not by every row's time-out."""
    found = reach(address, timeout)
    if found is not None:
        yield Obstacle(system, interface, *found)


def reach(address: str, timeout: float) -> tuple[Whose, Inconclusive] | None:
    """Why nothing answers at an address, and whose that is to mend; None where something does."""
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except socket.gaierror as error:
        return "network", Inconclusive("network.dns", f"{host}: {error.strerror}")
    except TimeoutError:
        return "network", Inconclusive("network.timeout", f"{host}:{port}")
    except OSError as error:
        if error.errno in NO_WAY:
            return "network", Inconclusive("network.no-way", f"{host}:{port}: {error.strerror}")
        return "supplier", Inconclusive("subject.unreachable", f"{host}:{port}: {error}")
    return None
