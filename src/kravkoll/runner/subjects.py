"""Makes the subject of a row from the workspace, the environment and the running platform."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, Literal

from kravkoll import standins
from kravkoll.checks.routines import current
from kravkoll.checks.subject import FlowEnd, Party, Subject, verifying_context
from kravkoll.city.city import City
from kravkoll.city.client_certificate import client_pair
from kravkoll.city.other_tokens import OtherServer, OtherTokens
from kravkoll.contracts.model import EvidenceDocument, Flow, Interface
from kravkoll.contracts.workspace import Workspace
from kravkoll.record.outcome import NotExercised
from kravkoll.record.rows import Row
from kravkoll.runner.permission import places_of, secret
from kravkoll.runner.platform import Platform

type Capabilities = Mapping[str, Mapping[str, Any]]
ADDRESSED = frozenset({"api", "login", "web", "export"})


def capabilities_of(platform: Platform, system: str, interface: Interface) -> Capabilities:
    """What the supplier file agrees, with the environment's own settings on top."""
    deployment = platform.ground.environment.systems.get(system)
    place = deployment.interfaces.get(interface.id) if deployment else None
    agreed: dict[str, Mapping[str, Any]] = {
        str(name): value for name, value in interface.capabilities.items()
    }
    return agreed | {str(name): value for name, value in (place.capabilities if place else {}).items()}


def interface_of(workspace: Workspace, row: Row) -> Interface | None:
    """The interface that a row looks at; None for flows and documents."""
    if row.kind != "interface":
        return None
    return next(i for i in workspace.systems[row.system].interfaces if i.id == row.part)


def addresses_of(platform: Platform, row: Row) -> Iterator[str]:
    """Every address that running the row may contact, for the permission; a delivery is a folder."""
    workspace, environment = platform.ground.workspace, platform.ground.environment
    interface = interface_of(workspace, row)
    if interface is not None and interface.kind in ADDRESSED:
        yield from places_of(environment, row.system, interface.id)
    elif interface is not None and interface.kind == "client":
        yield from places_of(environment, row.system)
    elif row.kind == "flow":
        flow = workspace.flows[row.place]
        yield from (*places_of(environment, flow.sender), *places_of(environment, flow.receiver))


def row_capabilities(platform: Platform, row: Row) -> Capabilities:
    """Capabilities that count as the row's own: its interface's, or its system's for an end of a flow."""
    interface = interface_of(platform.ground.workspace, row)
    if interface is not None:
        return capabilities_of(platform, row.system, interface)
    return party(platform, row.system).capabilities if row.kind == "flow" else {}


def make(platform: Platform, row: Row, as_of: date) -> Subject:
    """What a check function is given. Raises NotExercised where the environment lacks an address."""
    ground = platform.ground
    interface = interface_of(ground.workspace, row)
    address = _address(platform, row)
    if interface is not None and interface.kind in ADDRESSED and not address:
        raise NotExercised("environment.no-address", f"{row.system}/{row.part}")
    return Subject(
        row=row.id,
        supplier=row.supplier,
        system=row.system,
        interface=row.part,
        kind=interface.kind if interface else row.kind,
        address=address,
        capabilities=row_capabilities(platform, row),
        trust=trust_of(platform),
        client_certificate=_shown(platform, row_capabilities(platform, row)),
        hooks=platform.hooks.get(row.system, {}),
        memo=platform.memo,
        as_of=as_of,
        timeout_seconds=ground.environment.limits.timeout_seconds,
        flow=_own_end(platform, row) if row.kind == "flow" else None,
        document=document_of(platform, row, as_of),
        document_type=row.part if row.kind == "document" else "",
        delivery=platform.deliveries.get(row.system, ""),
        parties={system: party(platform, system) for system in ground.environment.systems},
        feeds=tuple(_feeds(platform, row.system)),
        listeners=platform.posts,
    )


def _address(platform: Platform, row: Row) -> str:
    if row.kind == "interface":
        return platform.addresses.get((row.system, row.part), "")
    return platform.api_of(row.system) if row.kind == "flow" else ""


def city_of(platform: Platform, row: Row) -> City:
    """The city, with the tokens of other servers where the environment says that an API trusts those."""
    city = platform.ground.city
    others = dict(_other_servers(platform))
    if not others:
        return city
    audience = row_capabilities(platform, row).get("api.token", {}).get("audience")
    alone = row.kind == "interface" and audience in others
    return replace(city, authorisation_server=OtherTokens(city.authorisation_server, others, alone=alone))


def _other_servers(platform: Platform) -> Iterator[tuple[str, OtherServer]]:
    """Audience to token endpoint, from the places of the environment."""
    workspace, environment = platform.ground.workspace, platform.ground.environment
    folder = workspace.layout.environments
    for name, deployment in environment.systems.items():
        for interface in workspace.systems[name].interfaces:
            place = deployment.interfaces.get(interface.id)
            settings = capabilities_of(platform, name, interface).get("api.token", {})
            if place is not None and place.token_endpoint and "audience" in settings:
                read = partial(secret, place.secret or "env:", folder)
                context = verifying_context(trust_of(platform))
                yield (
                    str(settings["audience"]),
                    OtherServer(place.token_endpoint, place.client_id, read, context),
                )


def trust_of(platform: Platform) -> bytes:
    """PEM anchors: the city's, and those that the environment names."""
    environment = platform.ground.environment
    anchors = platform.ground.doors.anchors(platform.ground.city.ca)
    if environment.trust:
        folder = platform.ground.workspace.layout.environments
        anchors += b"\n" + (folder / environment.trust).read_bytes()
    return anchors


def _shown(platform: Platform, capabilities: Capabilities) -> bytes:
    """The city's certificate and key where they are demanded."""
    if "tls.client-certificate" not in capabilities:
        return b""
    pair = client_pair(platform.ground.city.ca, platform.ground.city.state)
    return pair.chain_pem + pair.key_pem


def party(platform: Platform, system: str) -> Party:
    """A system as one end of a flow: its API's address, and capabilities from all its interfaces."""
    known = platform.ground.workspace.systems[system]
    capabilities: dict[str, Mapping[str, Any]] = {}
    places: dict[str, str] = {}
    for interface in known.interfaces:
        if address := platform.addresses.get((system, interface.id)):
            places.setdefault(interface.kind, address)
        for name, settings in capabilities_of(platform, system, interface).items():
            capabilities.setdefault(name, settings)
    return Party(
        system=system,
        address=platform.api_of(system),
        capabilities=capabilities,
        trust=trust_of(platform),
        client_certificate=_shown(platform, capabilities),
        hooks=platform.hooks.get(system, {}),
        places=places,
    )


def _feeds(platform: Platform, system: str) -> Iterator[FlowEnd]:
    """The flows into a system whose other end runs here too."""
    known = platform.ground.environment.systems
    for flow in platform.ground.workspace.flows.values():
        if flow.receiver == system and flow.manifest and flow.sender in known:
            yield _flow_end(platform, flow, "receiver")


def _flow_end(platform: Platform, flow: Flow, end: Literal["sender", "receiver"]) -> FlowEnd:
    for system in (flow.sender, flow.receiver):
        if system not in platform.ground.environment.systems:
            raise NotExercised("environment.no-system", system)
    sender = party(platform, flow.sender)

    @contextlib.contextmanager
    def watching() -> Iterator[Any]:
        with platform.ground.interception.watch(flow.sender, sender.url, trust_of(platform)) as capture:
            yield capture

    return FlowEnd(
        flow=flow,
        end=end,
        sender=sender,
        receiver=party(platform, flow.receiver),
        watching=watching,
    )


def _own_end(platform: Platform, row: Row) -> FlowEnd:
    flow = platform.ground.workspace.flows[row.place]
    return _flow_end(platform, flow, "sender" if row.part == "sender" else "receiver")


def document_of(platform: Platform, row: Row, as_of: date) -> EvidenceDocument | None:
    """The document that speaks for the supplier that day; in a duel, what its stand-in hands over."""
    if row.kind != "document":
        return None
    if platform.duelling:
        system = _handing_over(platform, row.supplier)
        handed: EvidenceDocument = platform.behaviour_of(system)(standins.hand_over)(
            row.part, row.supplier, as_of
        )
        return handed
    return current(platform.ground.workspace.evidence.values(), row.supplier, row.part, as_of)


def _handing_over(platform: Platform, supplier: str) -> str:
    """In a duel, the supplier's broken system hands over its papers, else any of its simulated ones."""
    environment = platform.ground.environment
    own = [s.id for s in platform.ground.workspace.suppliers[supplier].systems if s.id in environment.systems]
    broken = platform.fault[0] if platform.fault else ""
    return next((system for system in own if environment.systems[system].standin == broken), own[0])
