"""The city's own side: whether suppliers can reach it, and whether its ports and certificate are ready."""

import ipaddress
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from kravkoll.city.city import kept_authority
from kravkoll.city.doors import Doors
from kravkoll.city.state import CityState, state_of
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import Environment
from kravkoll.runner import city_side
from kravkoll.runner.permission import LOOPBACK, places_of
from kravkoll.runner.readiness.agreed import secret
from kravkoll.runner.readiness.condition import Condition, not_ready, noted, ready

RENEWAL = timedelta(days=14)


def conditions(environment: Environment, folder: Path) -> Iterator[Condition]:
    """Nothing of it matters where all is thrown away after the run."""
    if environment.throwaway:
        return
    try:
        doors = city_side.doors_of(environment, folder)
    except ConfigurationError as error:
        yield not_ready("city.certificate", "configuration", why=str(error))
        return
    yield _name(environment, doors)
    if environment.city.key:
        yield secret(environment.city.key, folder)
    if doors.certificate:
        yield _certificate(doors.certificate.certificate_pem, doors.public_name)
    yield from _ports(environment, doors)


def _name(environment: Environment, doors: Doors) -> Condition:
    """Whether the public name leads here; whether it can be reached from outside, only they can see."""
    name = doors.public_name
    away = sorted(
        {
            host
            for system in environment.systems
            for url in places_of(environment, system)
            if (host := urlsplit(url).hostname or "") not in LOOPBACK
        }
    )
    if name in LOOPBACK:
        if away:
            return not_ready(
                "city.loopback", "configuration", hosts=", ".join(away), environment=environment.id
            )
        return ready("city.local", "configuration", name=name)
    if doors.local:
        return not_ready("city.bind", "configuration", name=name, bind=doors.bind)
    try:
        addresses = sorted({str(info[4][0]) for info in socket.getaddrinfo(name, None)})
    except OSError as error:
        return not_ready("city.name", "network", name=name, why=error.strerror)
    tell = "city.here" if any(map(_of_this_machine, addresses)) else "city.elsewhere"
    return noted(tell, "network", name=name, addresses=", ".join(addresses))


def _of_this_machine(address: str) -> bool:
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


def _certificate(chain: bytes, name: str) -> Condition:
    certificate = x509.load_pem_x509_certificate(chain)
    last = certificate.not_valid_after_utc
    if last - datetime.now(UTC) < RENEWAL:
        return not_ready("city.lapses", "configuration", last=last)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return not_ready("city.names", "configuration", name=name, names="-")
    known = {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
    covered = name in known or f"*.{name.partition('.')[2]}" in known
    if not covered:
        return not_ready("city.names", "configuration", name=name, names=", ".join(sorted(known)))
    return ready("city.names", "configuration", name=name, last=last)


def _ports(environment: Environment, doors: Doors) -> Iterator[Condition]:
    place = state_of(environment.id)
    if not place.is_dir():
        yield noted("ports.unchosen", "harness", environment=environment.id)
        return
    state = CityState(place)
    for party in city_side.PARTIES:
        port = doors.port(party, state)
        if not port:
            continue
        facts = {"party": party, "place": f"{doors.bind}:{port}", "environment": environment.id}
        try:
            taken = doors.taken(party, state)
        except OSError as error:
            yield not_ready("port.refused", "harness", **facts, why=error.strerror)
            continue
        if not taken:
            yield ready("port", "harness", **facts)
        elif doors.ours(port, kept_authority(state)):
            yield noted("port.ours", "harness", **facts)
        else:
            yield not_ready("port.taken", "harness", **facts)
