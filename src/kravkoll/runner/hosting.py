"""The city kept running for a supplier's developer, and what a supplier registers in it."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

import kravkoll.cast
from kravkoll.checks.subject import verifying_context
from kravkoll.city.city import City
from kravkoll.city.client_authentication import Client
from kravkoll.city.openid_messages import RelyingParty
from kravkoll.city.saml_messages import SamlRefusal
from kravkoll.city.state import CityState, state_of
from kravkoll.contracts import documents
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import Deployment, Environment
from kravkoll.contracts.workspace import Workspace
from kravkoll.record.outcome import NotExercised
from kravkoll.runner import city_side, guard, permission
from kravkoll.runner.platform import Platform, ground, platform

LOCAL = "local"
"""The environment that is there without a file: this machine alone, with a simulated register."""
ADDRESSES = "addresses.json"
"""What the addresses were when they were last told."""
SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
"""Members of a JWK that only its owner may know (RFC 7518 6.2.2, 6.3.2, 6.4)."""
LARGEST = 1024 * 1024
"""Bytes of a document that a supplier hands in."""


def environment_of(workspace: Workspace, name: str) -> Environment:
    """The environment of that name, or the one that needs no file. Raises ConfigurationError."""
    if name != LOCAL or LOCAL in workspace.environments:
        found = workspace.environment(name)
        if found.throwaway:
            raise ConfigurationError(
                f"environment {name!r} throws its city away after each run; name one that is kept, "
                "or none for this machine alone"
            )
        return found
    register, standin = _register(workspace)
    return Environment(
        id=LOCAL, kind="simulated", systems={register: Deployment(standin=standin)}, register=register
    )


def _register(workspace: Workspace) -> tuple[str, str]:
    for environment in workspace.environments.values():
        deployment = environment.systems[environment.register]
        if deployment.standin:
            return environment.register, deployment.standin
    return "ber", "ber"


@dataclass(frozen=True, slots=True)
class Addresses:
    """What suppliers install: it stays the same from one day to the next, unless somebody changes it."""

    authorisation_server: str
    entity_id: str
    saml_metadata: str
    openid_issuer: str
    register: str

    @classmethod
    def of(cls, city: City, register: str) -> "Addresses":
        return cls(
            city.authorisation_server.issuer,
            city.identity_provider.entity_id,
            city.identity_provider.metadata_url,
            city.openid_provider.issuer,
            register,
        )


@contextlib.contextmanager
def up(workspace: Workspace, environment: Environment) -> Iterator[Platform]:
    """The city and its simulated register, answering until the block ends. Raises ConfigurationError."""
    city_side.require_free(environment, workspace.layout.environments)
    moment = datetime.now().astimezone()
    with contextlib.ExitStack() as stack:
        stack.enter_context(guard.only(permission.hosts(environment, moment)))
        base = stack.enter_context(ground(workspace, environment))
        needed = {environment.register}
        yield stack.enter_context(platform(base, through_proxy=False, needed=needed))


def kept(workspace: Workspace, environment: Environment) -> City:
    """The city without listening, perhaps while another process answers.

    One that was never started is started once, so that it has addresses. Raises ConfigurationError.
    """
    doors = city_side.doors_of(environment, workspace.layout.environments)
    place, people = state_of(environment.id), kravkoll.cast.load()
    simulated = environment.systems[environment.register].standin is not None
    if simulated and not doors.port("register", CityState(place)):
        with up(workspace, environment):
            pass
    try:
        return City.kept(place, people, environment.id, doors)
    except LookupError:
        with up(workspace, environment):
            pass
    return City.kept(place, people, environment.id, doors)


def register_url(workspace: Workspace, environment: Environment, city: City) -> str:
    """Base URL of the register, simulated or real; empty where the environment names none."""
    deployment = environment.systems[environment.register]
    if deployment.standin is None:
        return next((place.url.rstrip("/") for place in deployment.interfaces.values() if place.url), "")
    name = f"{deployment.standin}.yaml"
    described = documents.read(workspace.layout.file("mocks", name), f"mocks/{name}").data
    doors = city_side.doors_of(environment, workspace.layout.environments)
    return doors.address("register", city.state) + str(described["interfaces"]["api"].get("base", ""))


def changed(city: City, now: Addresses) -> Iterator[tuple[str, str, str]]:
    """What stands elsewhere than last time (name, before, now), and remember what is now."""
    before = json.loads(city.state.read(ADDRESSES) or b"{}")
    told = asdict(now)
    for name, address in told.items():
        if before.get(name, address) != address:
            yield name, before[name], address
    city.state.write(ADDRESSES, json.dumps(told, sort_keys=True).encode())


# -- what a supplier hands in --------------------------------------------------------------------------------


def document(workspace: Workspace, environment: Environment, place: str) -> bytes:
    """A file, or what a permitted address answers. Raises ConfigurationError."""
    if "://" not in place:
        try:
            return Path(place).read_bytes()[:LARGEST]
        except OSError as error:
            raise ConfigurationError(f"{place} cannot be read: {error.strerror}") from error
    moment = datetime.now().astimezone()
    try:
        permission.contact(environment, place, moment)
    except NotExercised as refused:
        raise ConfigurationError(
            f"{place} is not fetched: {refused.reason.code} ({refused.reason.detail}); "
            "name a file instead, or permit the host under authorisation in the environment file"
        ) from refused
    host = urlsplit(place).hostname or ""
    context = verifying_context(city_side.anchors(environment, workspace.layout.environments))
    try:
        with guard.only({*permission.hosts(environment, moment), host}):
            answer = httpx.get(
                place, verify=context, trust_env=False, timeout=environment.limits.timeout_seconds
            )
            return answer.raise_for_status().content[:LARGEST]
    except httpx.HTTPError as error:
        raise ConfigurationError(f"{place}: {error}; name a file instead") from error


def add_service_provider(city: City, metadata: bytes, shown: str) -> str:
    """Register a system for SAML login; its entity id. Raises ConfigurationError."""
    try:
        return city.identity_provider.register_service_provider(metadata).entity_id
    except SamlRefusal as refusal:
        raise ConfigurationError(
            f"{shown} is no SAML metadata of a service provider ({refusal}); it needs one EntityDescriptor "
            "with an SPSSODescriptor and an AssertionConsumerService with the HTTP-POST binding"
        ) from refusal


def public_keys(content: bytes, shown: str) -> KeySetSerialization:
    """A JWK set of public keys that the city can verify with. Raises ConfigurationError."""
    try:
        given = json.loads(content)
        told: Any = given if "keys" in given else {"keys": [given]}
        if any(SECRET_MEMBERS & set(key) for key in told["keys"]):
            raise ConfigurationError(
                f"{shown} holds a private key, which is now known to more than its owner; "
                "make a new one and hand in its public part alone"
            )
        keys = KeySet.import_key_set(told)
    except (ValueError, TypeError, KeyError, JoseError) as error:
        raise ConfigurationError(f"{shown} is no JWK set (RFC 7517): {error}") from error
    if not keys.keys:
        raise ConfigurationError(f"{shown} holds no key")
    return keys.as_dict(private=False)


def add_client(
    workspace: Workspace,
    environment: Environment,
    city: City,
    client_id: str,
    keys: KeySetSerialization | None,
) -> Client:
    """Register a machine client, with a key of its own if it has handed in one, for what its flows allow."""
    server = city.authorisation_server
    before = server.client(client_id)
    keys = keys or (before.public_keys if before else None)
    audiences, scope = _allowed(workspace, environment, client_id)
    return server.register_client(client_id, scope=scope, audiences=audiences, public_keys=keys)


def add_relying_party(city: City, party: RelyingParty) -> RelyingParty:
    """Register a system for OpenID Connect login. Raises ConfigurationError."""
    for uri in party.redirect_uris:
        parts = urlsplit(uri)
        local = parts.hostname in permission.LOOPBACK
        if not parts.hostname or parts.fragment or not (parts.scheme == "https" or local):
            raise ConfigurationError(
                f"{uri!r} is no redirect URI: a whole https address without #fragment, or http on loopback"
            )
    return city.openid_provider.register(party)


def _allowed(workspace: Workspace, environment: Environment, system: str) -> tuple[tuple[str, ...], str]:
    """Audiences and scopes: of the systems that send to this one, and of the register."""
    flows = workspace.flows.values()
    senders = {flow.sender for flow in flows if flow.receiver == system and flow.status != "absent"}
    settings = [
        interface.capabilities["api.token"]
        for name in sorted(senders | {environment.register})
        if name in workspace.systems
        for interface in workspace.systems[name].interfaces
        if "api.token" in interface.capabilities
    ]
    audiences = tuple(dict.fromkeys(str(one["audience"]) for one in settings if "audience" in one))
    scopes = {scope for one in settings for scope in str(one.get("scope", "")).split()}
    return audiences or (f"urn:kravkoll:{environment.register}",), " ".join(
        sorted(scopes or {"ss12000.read"})
    )
