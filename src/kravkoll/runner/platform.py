"""The running platform of an environment: the city, the stand-ins, and where everything answers."""

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

import kravkoll.cast
from kravkoll import standins
from kravkoll.cast import Cast
from kravkoll.checks.subject import Memo, command_hook, verifying_context
from kravkoll.city.certificate_authority import Variation
from kravkoll.city.city import City
from kravkoll.city.client_certificate import client_pair
from kravkoll.city.doors import Doors, steady_port
from kravkoll.city.interception import Interception
from kravkoll.city.listening_post import ListeningPost
from kravkoll.city.openid_messages import RelyingParty
from kravkoll.city.state import state_of
from kravkoll.contracts import documents
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import Deployment, Environment
from kravkoll.contracts.workspace import Workspace
from kravkoll.record.outcome import Inconclusive
from kravkoll.record.rows import Row
from kravkoll.runner import city_side, permission
from kravkoll.serving.loopback import Loopback
from kravkoll.standins.faults import Behaviour
from kravkoll.standins.installation import Doorway, Installation


@dataclass(slots=True)
class Ground:
    """What outlives one platform: the city, its servers' thread, the cast and the proxy."""

    workspace: Workspace
    environment: Environment
    loopback: Loopback
    city: City
    cast: Cast
    folder: Path
    doors: Doors
    _exit: contextlib.ExitStack
    _warm: subprocess.Popen[bytes] | None = None
    _interception: Interception | None = None
    ports: dict[str, int] = field(default_factory=dict)
    """Where a stand-in is told to listen, by system."""

    @property
    def interception(self) -> Interception:
        """The proxy between parties; started when first needed, since it takes a second."""
        if self._interception is None:
            self._interception = self._exit.enter_context(
                Interception.start(self.city.ca, self.folder / "interception", warm=self._warm)
            )
        return self._interception

    def doorway(self, system: str) -> Doorway:
        """Where a stand-in listens: where it did last time, unless all is thrown away."""
        return Doorway(self.doors.bind, self.ports.get(system) or self._kept(system), self.doors.public_name)

    def _kept(self, system: str) -> int:
        if self.environment.throwaway:
            return 0
        return self.doors.port(self._party(system), self.city.state) or steady_port(self.doors.bind)

    def remember(self, system: str, url: str) -> None:
        """That a stand-in answers there, for next time."""
        if self.environment.throwaway:
            return
        self.city.state.remember_port(self._party(system), urlsplit(url).port or 0)

    def _party(self, system: str) -> str:
        return "register" if system == self.environment.register else f"system-{system}"


@contextlib.contextmanager
def ground(
    workspace: Workspace, environment: Environment, warm: subprocess.Popen[bytes] | None = None
) -> Iterator[Ground]:
    """The city of an environment, with its kept state, or a throwaway one for the demo.

    `warm` is a process that the proxy may become.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="kravkoll-", ignore_cleanup_errors=True))
        )
        state = folder / "state" if environment.throwaway else state_of(environment.id)
        loopback = stack.enter_context(Loopback())
        cast = kravkoll.cast.load()
        doors = city_side.doors_of(environment, workspace.layout.environments)
        try:
            city = stack.enter_context(City.start(loopback, state, cast, environment.id, doors))
        except OSError as error:
            raise ConfigurationError(city_side.why_closed(error, doors, environment)) from error
        yield Ground(workspace, environment, loopback, city, cast, folder, doors, stack, warm)


@dataclass(slots=True)
class Platform:
    """One fresh set of running systems, on a ground that many sets share."""

    ground: Ground
    fault: tuple[str, str] | None = None
    """A stand-in's name and the fault that it is started with."""
    duelling: bool = False
    """In a duel, suppliers' documents come from the stand-ins: those of the workspace prove no check."""
    addresses: dict[tuple[str, str], str] = field(default_factory=dict)
    """(system, interface) to base URL."""
    deliveries: dict[str, str] = field(default_factory=dict)
    hooks: dict[str, Mapping[str, Callable[..., Any]]] = field(default_factory=dict)
    memo: Memo = field(default_factory=Memo)
    running: dict[str, standins.StandIn] = field(default_factory=dict)
    posts: dict[str, ListeningPost] = field(default_factory=dict)
    """The city's listeners at the addresses of parties that are to be sent nothing."""

    def start(self, *, through_proxy: bool, needed: Collection[str] | None = None) -> None:
        """Start each system after those that it reads; real systems are only written down.

        `needed` names the systems whose stand-ins are to run, with those that they read; None means all.
        """
        self._open_posts()
        moment = datetime.now().astimezone()
        systems = self.ground.environment.systems
        reads = {
            system: self._sources(deployment) | self._led_to(deployment)
            for system, deployment in systems.items()
        }
        wanted = set(systems) if needed is None else _with_sources(needed, reads)
        for system in _in_order(reads):
            deployment = systems[system]
            for interface, place in deployment.interfaces.items():
                if place.url and permission.permitted(self.ground.environment, place.url, moment):
                    self.addresses[system, interface] = place.url.rstrip("/")
                if place.path:
                    self.deliveries[system] = str(self.ground.workspace.layout.environments / place.path)
            commands = {
                name: command_hook(command, self.ground.environment.limits.timeout_seconds * 6)
                for name, command in deployment.hooks.items()
            }
            self.hooks[system] = commands
            if deployment.standin and system in wanted:
                self._start_standin(system, deployment.standin, through_proxy=through_proxy)

    def _open_posts(self) -> None:
        """A listener for each party of a forbidden flow; real systems have addresses of their own."""
        systems = self.ground.environment.systems
        real = {name for name, deployment in systems.items() if not deployment.standin}
        for flow in self.ground.workspace.flows.values():
            if flow.status != "absent" or not {flow.sender, flow.receiver} & set(systems):
                continue
            for absentee in {flow.sender, flow.receiver} - real - set(self.posts):
                self.posts[absentee] = ListeningPost.open(self.ground.loopback, self.ground.city.ca)

    def _sources(self, deployment: Deployment) -> frozenset[str]:
        """Systems of this environment that a stand-in reads; a real system's sources are its own affair."""
        if not deployment.standin:
            return frozenset()
        _, system = self._file(deployment.standin)
        known = self.ground.environment.systems
        return frozenset(source for source in standins.sources_of(system["interfaces"]) if source in known)

    def _led_to(self, deployment: Deployment) -> frozenset[str]:
        """Systems of this environment that a stand-in sends its users to, or asks in their name."""
        if not deployment.standin:
            return frozenset()
        _, system = self._file(deployment.standin)
        return standins.leads_to(system["interfaces"]) & set(self.ground.environment.systems)

    def _places(self) -> dict[str, str]:
        """Where people reach the systems that are there by now."""
        known = self.ground.workspace.systems
        faces = {
            (system, interface.id)
            for system in self.ground.environment.systems
            for interface in known[system].interfaces
            if interface.kind == "login"
        }
        return {system: url for (system, part), url in self.addresses.items() if (system, part) in faces}

    def _scopes(self, system: str) -> str:
        """What a stand-in may ask its sources for, by its own file; to read where that says nothing."""
        standin = self.ground.environment.systems[system].standin
        sources = standins.sources_of(self._file(standin)[1]["interfaces"]) if standin else {}
        asked = {scope for source in sources.values() for scope in source["scope"].split()}
        return " ".join(sorted(asked | {"ss12000.read"}))

    def _file(self, name: str) -> tuple[Path, Mapping[str, Any]]:
        """A stand-in's file, and what stands in it."""
        file = self.ground.workspace.layout.file("mocks", f"{name}.yaml")
        return file, _read(file)

    def _start_standin(self, system: str, name: str, *, through_proxy: bool) -> None:
        file, description = self._file(name)
        if description.get("served_by") == "city":  # it runs already, and everybody logs in by it
            self.addresses[system, "login"] = self.ground.city.openid_provider.issuer
            return
        started = standins.start(
            self._with_receivers(system, description),
            self._installation(system, through_proxy=through_proxy),
            cast=self.ground.cast,
            loopback=self.ground.loopback,
            fault=self.behaviour_of(system).fault,
            mocks=file.parent,
        )
        self.running[system] = started
        self.ground.remember(system, started.url)
        if system in self.posts:
            self.posts[system].lead_to(started.url)
        for interface, address in started.addresses.items():
            self.addresses[system, interface] = address
        hooks = {hook: _told(act) for hook, act in started.hooks.items()}
        self.hooks[system] = {**self.hooks[system], **hooks}
        if started.delivery:
            self.deliveries[system] = str(started.delivery)
        if "login" in started.addresses:
            self._register_login(system, description, started.url)
        with contextlib.suppress(standins.Unreachable):  # a broken register: its rows tell, not the start
            started.prepare()

    def _with_receivers(self, system: str, description: Mapping[str, Any]) -> Mapping[str, Any]:
        """A kept register also lets in the receivers of agreed flows that its own file does not name.

        They are real systems, or a developer's: each sees what its flow's manifest says.
        """
        workspace, interfaces = self.ground.workspace, description["interfaces"]
        if "api" not in interfaces:
            return description
        clients = interfaces["api"]["clients"]
        agreed = {
            flow.receiver: {"agreed": str(workspace.layout.file("contracts", flow.manifest))}
            for flow in workspace.flows.values()
            if flow.sender == system and flow.manifest and flow.receiver not in clients
        }
        if self.ground.environment.throwaway or not agreed:
            return description
        api = {**interfaces["api"], "clients": {**clients, **agreed}}
        return {**description, "interfaces": {**interfaces, "api": api}}

    def _register_login(self, system: str, description: Mapping[str, Any], url: str) -> None:
        """Make the product known to the city's login: by the metadata that it publishes, or as it tells."""
        if party := standins.registration_of(description, url):
            self.ground.city.openid_provider.register(RelyingParty(system, **party))
        context = verifying_context(self.ground.city.ca.anchor_pem)
        with contextlib.suppress(httpx.TransportError):  # a broken listener: its rows tell, not the start
            answer = httpx.get(f"{url}/saml/metadata", verify=context, trust_env=False, timeout=5)
            if answer.is_success:
                self.ground.city.identity_provider.register_service_provider(answer.content)

    def _strangers(self, system: str) -> Iterator[str]:
        """Parties with which a system is to exchange nothing."""
        for flow in self.ground.workspace.flows.values():
            if flow.status == "absent" and system in (flow.sender, flow.receiver):
                yield flow.receiver if system == flow.sender else flow.sender

    def _audiences(self) -> Iterator[str]:
        """What tokens may be for: every API of the workspace."""
        for known in self.ground.workspace.systems.values():
            for interface in known.interfaces:
                audience = interface.capabilities.get("api.token", {}).get("audience")
                if audience:
                    yield str(audience)

    def _installation(self, system: str, *, through_proxy: bool) -> Installation:
        city = self.ground.city
        key = ec.generate_private_key(ec.SECP256R1())
        pair = city.ca.issue(self.ground.doors.names, key=key)
        if self.ground.doors.certificate and system == self.ground.environment.register:
            pair = self.ground.doors.certificate
        client = city.authorisation_server.register_client(
            system, scope=self._scopes(system), audiences=tuple(self._audiences())
        )
        sources = {
            source: address
            for source in self._sources(self.ground.environment.systems[system])
            if (address := self.api_of(source))
        }
        if through_proxy:
            sources = {
                source: self.ground.interception.lead_to(source, address, city.ca.anchor_pem)
                for source, address in sources.items()
            }
        return Installation(
            trust=self.ground.doors.anchors(city.ca),
            certificate=pair.chain_pem,
            key=pair.key_pem,
            issuer=city.authorisation_server.issuer,
            idp_metadata=city.identity_provider.metadata_url,
            openid_issuer=city.openid_provider.issuer,
            sources=sources,
            places=self._places(),
            client_id=client.id,
            client_key=client.key_pem,
            city_certificate=client_pair(city.ca, city.state).certificate_pem,
            doorway=self.ground.doorway(system),
            lapsed_certificate=city.ca.issue(variation=Variation.EXPIRED, key=key).chain_pem,
            peers={name: self.posts[name].url for name in self._strangers(system) if name in self.posts},
        )

    def behaviour_of(self, system: str) -> Behaviour:
        """How the system's stand-in behaves: honestly, or with the fault it was started with."""
        name = self.ground.environment.systems[system].standin
        return Behaviour(self.fault[1] if self.fault and self.fault[0] == name else None)

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
        for post in self.posts.values():
            post.close()
        self.posts.clear()


@cache
def _read(file: Path) -> Mapping[str, Any]:
    """Parsed once: duels start thousands of stand-ins."""
    return dict(documents.read(file, f"mocks/{file.name}").data)


def _in_order(reads: Mapping[str, Collection[str]]) -> list[str]:
    """Each system after those that it reads."""
    try:
        return list(
            TopologicalSorter({system: sorted(reads[system]) for system in sorted(reads)}).static_order()
        )
    except CycleError as error:
        raise ConfigurationError(
            f"simulated systems read each other in a circle: {' -> '.join(error.args[1])}"
        ) from error


def _with_sources(systems: Collection[str], reads: Mapping[str, Collection[str]]) -> frozenset[str]:
    """The systems, and all that they read, and so on."""
    found: set[str] = set()
    waiting = list(systems)
    while waiting:
        system = waiting.pop()
        if system not in found:
            found.add(system)
            waiting += reads.get(system, ())
    return frozenset(found)


def _told(act: Callable[..., Any]) -> Callable[..., Any]:
    """A hook whose failure says why: whoever looks judges by what was exchanged until then."""

    def run(**arguments: Any) -> Any:
        try:
            return act(**arguments)
        except standins.Unreachable as error:
            raise Inconclusive("hook.failed", str(error)) from error

    return run


def watches(workspace: Workspace, rows: Iterable[Row]) -> bool:
    """Whether a row needs to see what goes between parties: flows, their clients, and exports in a dialect,
    which are held against what the flows brought."""
    return any(
        row.kind == "flow"
        or row.part == "client"
        or (row.kind == "interface" and _in_dialect(workspace, row))
        for row in rows
    )


def _in_dialect(workspace: Workspace, row: Row) -> bool:
    known = workspace.systems.get(row.system)
    interface = next((one for one in known.interfaces if one.id == row.part), None) if known else None
    return bool(interface and "dialect" in interface.capabilities.get("export.fetch", {}))


def looked_at(workspace: Workspace, rows: Iterable[Row]) -> frozenset[str]:
    """The systems that rows look at: their own, those that feed these, and both ends of a row's flow."""
    rows = tuple(rows)
    own = {row.system for row in rows if row.system}
    ends = {row.place for row in rows if row.kind == "flow"}
    flows = [flow for flow in workspace.flows.values() if flow.manifest]
    feeding = {flow.sender for flow in flows if flow.receiver in own}
    return frozenset(own.union(feeding, *({f.sender, f.receiver} for f in flows if f.id in ends)))


@contextlib.contextmanager
def platform(
    ground: Ground,
    *,
    fault: tuple[str, str] | None = None,
    duelling: bool = False,
    through_proxy: bool,
    needed: Collection[str] | None = None,
) -> Iterator[Platform]:
    """A fresh platform until the block ends."""
    started = Platform(ground, fault, duelling)
    try:
        started.start(through_proxy=through_proxy, needed=needed)
        yield started
    finally:
        started.close()
