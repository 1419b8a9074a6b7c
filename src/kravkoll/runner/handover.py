"""What a supplier is handed to install its product against the city: files, and what goes where."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from kravkoll.city.city import City
from kravkoll.city.client_authentication import ASSERTION_ALGORITHMS, Client
from kravkoll.city.client_certificate import client_pair
from kravkoll.city.openid_messages import discovery
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import Environment
from kravkoll.contracts.workspace import Workspace
from kravkoll.runner import hosting
from kravkoll.runner.hosting import Addresses

OWNER_ONLY = 0o600
FOR_ALL = 0o644
LANGUAGES = ("sv", "en")


@dataclass(frozen=True, slots=True)
class HandedOver:
    """One file of the handover."""

    name: str
    content: bytes
    secret: bool = False


def write(workspace: Workspace, environment: Environment, supplier: str, out: Path) -> tuple[HandedOver, ...]:
    """Write the folder; the same supplier gets the same keys again. Raises ConfigurationError."""
    known = workspace.supplier(supplier)
    city = hosting.kept(workspace, environment)
    clients = {
        system.id: hosting.add_client(workspace, environment, city, system.id, None)
        for system in known.systems
    }
    handed = tuple(_files(workspace, environment, city, clients, known.name))
    try:
        out.mkdir(parents=True, exist_ok=True)
        for one in handed:
            _place(out / one.name, one)
    except OSError as error:
        raise ConfigurationError(f"{out} cannot be written: {error.strerror}") from error
    return handed


def _place(path: Path, one: HandedOver) -> None:
    """A secret is its owner's alone from the first byte."""
    mode = OWNER_ONLY if one.secret else FOR_ALL
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(one.content)


def _files(
    workspace: Workspace, environment: Environment, city: City, clients: Mapping[str, Client], supplier: str
) -> Iterator[HandedOver]:
    addresses = Addresses.of(city, hosting.register_url(workspace, environment, city))
    yield HandedOver("ca.pem", city.ca.anchor_pem)
    shown = client_pair(city.ca, city.state)
    yield HandedOver("city-client-certificate.pem", shown.certificate_pem)
    yield HandedOver("identity-provider-metadata.xml", city.identity_provider.metadata())
    yield _json("openid-configuration.json", discovery(city.openid_provider.issuer, ASSERTION_ALGORITHMS))
    yield _json("authorisation-server.json", city.authorisation_server.metadata())
    yield _json("authorisation-server-jwks.json", dict(city.authorisation_server.public_keys()))
    for system, client in clients.items():
        yield _json(f"{system}.json", _settings(city, client, addresses))
        if client.public_keys is None:
            yield HandedOver(f"{system}.key.pem", client.key_pem, secret=True)
            yield HandedOver(f"{system}.secret", client.secret.encode() + b"\n", secret=True)
    facts = {
        "supplier": supplier,
        "environment": environment,
        "addresses": addresses,
        "discovery": city.openid_provider.discovery_url,
        "clients": clients,
        "own_certificate": environment.city.certificate,
    }
    for language in LANGUAGES:
        yield HandedOver(f"README.{language}.md", _readme(language, facts).encode())


def _settings(city: City, client: Client, addresses: Addresses) -> dict[str, Any]:
    """One system's settings, by the names that OAuth's own metadata have."""
    metadata = city.authorisation_server.metadata()
    party = city.openid_provider.relying_party(client.id)
    own_key = client.public_keys is not None
    return {
        "client_id": client.id,
        "issuer": addresses.authorisation_server,
        "token_endpoint": metadata["token_endpoint"],
        "token_endpoint_auth_method": "private_key_jwt",
        "private_key": "the supplier's own" if own_key else f"{client.id}.key.pem",
        "client_secret_basic": None if own_key else f"{client.id}.secret",
        "grant_type": "client_credentials",
        "scope": client.scope,
        "resource": list(client.audiences or ()),
        "register": addresses.register,
        "saml_metadata": addresses.saml_metadata,
        "saml_entity_id": addresses.entity_id,
        "openid_issuer": addresses.openid_issuer,
        "redirect_uris": list(party.redirect_uris) if party else [],
    }


def _json(name: str, value: Mapping[str, Any]) -> HandedOver:
    return HandedOver(name, json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n")


def _readme(language: str, facts: Mapping[str, Any]) -> str:
    text = files("kravkoll.runner").joinpath(f"handover.{language}.md.jinja").read_text(encoding="utf-8")
    made = jinja2.Environment(  # nosec B701  # as below
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # Markdown that nobody serves
    )  # fmt: skip
    return made.from_string(text).render(facts)
