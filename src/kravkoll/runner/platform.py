"""The running platform of an environment: the city, the stand-ins, and where everything answers."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kravkoll.cast
from kravkoll import standins
from kravkoll.cast import Cast
from kravkoll.checks.subject import Memo, command_hook
from kravkoll.city.city import City
from kravkoll.city.interception import Interception
from kravkoll.city.state import state_of
from kravkoll.contracts import documents
from kravkoll.contracts.model import Environment
from kravkoll.contracts.workspace import Workspace
from kravkoll.serving.loopback import Loopback
from kravkoll.standins.installation import Installation


@dataclass(slots=True)
class Ground:
    """What outlives one platform: the city, its servers' thread, the cast and the proxy."""

    workspace: Workspace
    environment: Environment
    loopback: Loopback
    city: City
    cast: Cast
    folder: Path
    _exit: contextlib.ExitStack
    _interception: Interception | None = None

    @property
    def interception(self) -> Interception:
        """The proxy between parties; started when first needed, since it takes a second."""
        if self._interception is None:
            self._interception = self._exit.enter_context(
                Interception.start(self.city.ca, self.folder / "interception")
            )
        return self._interception


@contextlib.contextmanager
def ground(workspace: Workspace, environment: Environment) -> Iterator[Ground]:
    """The city of an environment, with its kept state, or a throwaway one for the demo."""
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="kravkoll-", ignore_cleanup_errors=True))
        )
        state = folder / "state" if environment.throwaway else state_of(environment.id)
        loopback = stack.enter_context(Loopback())
        cast = kravkoll.cast.load()
        city = stack.enter_context(City.start(loopback, state, cast, environment.id))
        yield Ground(workspace, environment, loopback, city, cast, folder, stack)


@dataclass(slots=True)
class Platform:
    """One fresh set of running systems, on a ground that many sets share."""

    ground: Ground
    fault: tuple[str, str] | None = None
    """A stand-in's name and the fault that it is started with."""
    addresses: dict[tuple[str, str], str] = field(default_factory=dict)
    """(system, interface) to base URL."""
    deliveries: dict[str, str] = field(default_factory=dict)
    hooks: dict[str, Mapping[str, Callable[..., Any]]] = field(default_factory=dict)
    memo: Memo = field(default_factory=Memo)
    running: dict[str, standins.StandIn] = field(default_factory=dict)

    def start(self, *, through_proxy: bool) -> None:
        """Start the register first, then those that read it; real systems are only written down."""
        systems = self.ground.environment.systems
        register = self.ground.environment.register
        for system in sorted(systems, key=lambda name: name != register):
            deployment = systems[system]
            for interface, place in deployment.interfaces.items():
                if place.url:
                    self.addresses[system, interface] = place.url.rstrip("/")
                if place.path:
                    self.deliveries[system] = str(self._beside_environment(place.path))
            commands = {
                name: command_hook(command, self.ground.environment.limits.timeout_seconds * 6)
                for name, command in deployment.hooks.items()
            }
            self.hooks[system] = commands
            if deployment.standin:
                self._start_standin(system, deployment.standin, through_proxy=through_proxy)

    def _beside_environment(self, path: str) -> Path:
        return self.ground.workspace.layout.root / "contracts" / "environments" / path

    def _start_standin(self, system: str, name: str, *, through_proxy: bool) -> None:
        layout = self.ground.workspace.layout
        file = layout.file("mocks", f"{name}.yaml")
        fault = self.fault[1] if self.fault and self.fault[0] == name else None
        started = standins.start(
            documents.read(file, f"mocks/{name}.yaml").data,
            self._installation(system, through_proxy=through_proxy),
            cast=self.ground.cast,
            loopback=self.ground.loopback,
            fault=fault,
        )
        self.running[system] = started
        for interface, address in started.addresses.items():
            self.addresses[system, interface] = address
        self.hooks[system] = {**self.hooks[system], **started.hooks}
        if started.delivery:
            self.deliveries[system] = str(started.delivery)

    def _installation(self, system: str, *, through_proxy: bool) -> Installation:
        city = self.ground.city
        pair = city.ca.issue()
        client = city.authorisation_server.register_client(system, scope="ss12000.read")
        register = self.api_of(self.ground.environment.register)
        if register and through_proxy:
            self.ground.interception.lead_to(register, city.ca.anchor_pem)
            register = (
                self.ground.interception.url + register.split("/", 3)[3].join(("/", ""))
                if register.count("/") > 2
                else self.ground.interception.url
            )
        return Installation(
            trust=city.ca.anchor_pem,
            certificate=pair.chain_pem,
            key=pair.key_pem,
            issuer=city.authorisation_server.issuer,
            idp_metadata=city.identity_provider.metadata_url,
            register=register or None,
            client_id=client.id,
            client_key=client.key_pem,
        )

    def api_of(self, system: str) -> str:
        """Base URL of a system's API; empty where the environment has none."""
        known = self.ground.workspace.systems.get(system)
        for interface in known.interfaces if known else ():
            if interface.kind == "api" and (system, interface.id) in self.addresses:
                return self.addresses[system, interface.id]
        return ""

    def close(self) -> None:
        """Stop the stand-ins; the ground stays."""
        for running in self.running.values():
            running.close()
        self.running.clear()


@contextlib.contextmanager
def platform(
    ground: Ground, *, fault: tuple[str, str] | None = None, through_proxy: bool
) -> Iterator[Platform]:
    """A fresh platform until the block ends."""
    started = Platform(ground, fault)
    try:
        started.start(through_proxy=through_proxy)
        yield started
    finally:
        started.close()
