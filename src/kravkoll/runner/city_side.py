"""The city's side as an environment says it: its doors, and whether they can be opened."""

import ssl
from pathlib import Path

from kravkoll.city.certificate_authority import KeyPair
from kravkoll.city.city import kept_authority
from kravkoll.city.doors import Doors, PortTaken
from kravkoll.city.state import CityState, state_of
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import Environment
from kravkoll.record.outcome import NotExercised
from kravkoll.runner.permission import secret

PARTIES = ("authorisation-server", "identity-provider", "openid-provider", "register")


def doors_of(environment: Environment, folder: Path) -> Doors:
    """Name, ports and certificate; `folder` is where environment files stand. Raises ConfigurationError."""
    side = environment.city
    return Doors(
        side.public_name,
        side.bind,
        {str(party): port for party, port in side.ports.items()},
        _certificate(environment, folder),
    )


def _certificate(environment: Environment, folder: Path) -> KeyPair | None:
    side = environment.city
    if side.certificate is None:
        return None
    place = f"contracts/environments/{environment.id}.yaml: city"
    if side.key is None:
        raise ConfigurationError(f"{place}.key: is missing; name the certificate's private key, as file:PATH")
    try:
        chain = (folder / side.certificate).read_bytes()
        key = secret(side.key, folder).encode()
        pair = KeyPair(chain, key, chain)
        pair.server_context()
    except OSError as error:  # an SSLError is one
        why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigurationError(
            f"{place}.certificate: {side.certificate}: {why}; it must be a PEM chain, and its key {side.key}"
        ) from error
    except NotExercised as missing:
        raise ConfigurationError(f"{place}.key: {side.key} is missing or empty") from missing
    return pair


def anchors(environment: Environment, folder: Path) -> bytes:
    """PEM anchors that the environment names, and the city's own authority's if it has one."""
    place = state_of(environment.id)
    own = kept_authority(CityState(place)).anchor_pem if place.is_dir() else b""
    return own + (b"\n" + (folder / environment.trust).read_bytes() if environment.trust else b"")


def require_free(environment: Environment, folder: Path) -> None:
    """Raise ConfigurationError where a port of the kept city is taken, and say by whom and what to do."""
    if environment.throwaway:
        return
    doors, state = doors_of(environment, folder), CityState(state_of(environment.id))
    for party in sorted({*PARTIES, *state.parties()}):
        port = doors.port(party, state)
        if port and doors.taken(party, state):
            raise ConfigurationError(told(doors, port, party, environment, state))


def why_closed(error: OSError, doors: Doors, environment: Environment) -> str:
    """Why the city could not begin to answer."""
    if isinstance(error, PortTaken):
        state = CityState(state_of(environment.id))
        return told(doors, error.port, error.party, environment, state)
    return (
        f"{doors.bind}: {error.strerror}; mend bind or ports under city of "
        f"contracts/environments/{environment.id}.yaml"
    )


def told(doors: Doors, port: int, party: str, environment: Environment, state: CityState) -> str:
    """Who has a port, and what to do about it."""
    where = f"{doors.bind}:{port}, where the city's {party} of environment {environment.id!r} answers,"
    if doors.ours(port, kept_authority(state)):
        return (
            f"{where} is taken by this city itself: `kravkoll city up` or a run in another window. "
            "End that one with Ctrl-C and try again: keys, addresses and registrations stay as they are"
        )
    return (
        f"{where} is taken by another program; end it, or choose another port under city.ports of "
        f"contracts/environments/{environment.id}.yaml and hand the new addresses to your suppliers "
        "with `kravkoll city register`"
    )
