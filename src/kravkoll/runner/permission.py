"""Whether a row may be run at all: secrets, effects, capabilities and the owner's permission."""

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from kravkoll.contracts.model import Capability, Environment
from kravkoll.record.outcome import NotExercised
from kravkoll.record.rows import Row

CAPABILITIES = frozenset(get_args(Capability.__value__))
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def require(
    row: Row,
    environment: Environment,
    addresses: Iterable[str],
    capabilities: Mapping[str, Any],
    moment: datetime,
) -> None:
    """Raise NotExercised where the row must not or cannot be run: permission first, then what it needs."""
    if row.system and row.system not in environment.systems:
        raise NotExercised("environment.no-system", row.system)
    if row.system and environment.kind != "simulated" and environment.systems[row.system].standin:
        raise NotExercised("environment.simulated", row.system)  # it says nothing about the supplier
    for address in addresses:
        contact(environment, address, moment)
    if row.effect != "read" and environment.kind == "production":
        raise NotExercised("effect.production", row.effect)
    for need in row.needs:
        if need in CAPABILITIES and need not in capabilities:
            raise NotExercised("capability.missing", need)


def contact(environment: Environment, address: str, moment: datetime) -> None:
    """Raise NotExercised where nobody has permitted that the address is contacted now.

    Loopback and the city's own public name are ours.
    """
    host = urlsplit(address).hostname or ""
    if not host or host in LOOPBACK or host == environment.city.public_name.lower():
        return
    permission = environment.authorisation
    if permission is None:
        raise NotExercised("authorisation.missing", host)
    if host not in {named.lower() for named in permission.hosts}:
        raise NotExercised("authorisation.host", host)
    if not permission.valid_from <= moment <= permission.until:
        raise NotExercised("authorisation.time", f"{permission.valid_from} to {permission.until}")


def permitted(environment: Environment, address: str, moment: datetime) -> bool:
    """Whether the address may be contacted, or so much as looked up."""
    try:
        contact(environment, address, moment)
    except NotExercised:
        return False
    return True


def places_of(environment: Environment, system: str, interface: str = "") -> Iterator[str]:
    """The addresses of one interface, or of all interfaces of a system."""
    deployment = environment.systems.get(system)
    for name, place in deployment.interfaces.items() if deployment else ():
        if interface in ("", name):
            yield from (url for url in (place.url, place.token_endpoint) if url)


def hosts(environment: Environment, moment: datetime) -> Iterator[str]:
    """The hosts that may be contacted: declared in the environment, and permitted; and the city's own."""
    yield environment.city.public_name
    for system in environment.systems:
        for url in places_of(environment, system):
            if permitted(environment, url, moment):
                yield urlsplit(url).hostname or ""


def secret(reference: str, base: Path) -> str:
    """The secret that `env:NAME` or `file:PATH` points at; NotExercised where it is missing or empty."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environ.get(name, "").strip()
    else:
        file = base / name
        value = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    if not value:
        raise NotExercised("secret.missing", reference)
    return value
