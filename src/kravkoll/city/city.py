"""The city's side of every integration, started together: authority, authorisation server, login."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, Self

from kravkoll.city.authorisation_server import AuthorisationServer
from kravkoll.city.certificate_authority import CertificateAuthority, KeyPair
from kravkoll.city.doors import LOCAL, Doors
from kravkoll.city.identity_provider import IdentityProvider
from kravkoll.city.openid_provider import OpenIdProvider
from kravkoll.city.sign_on import Person, SignOn
from kravkoll.city.state import CityState
from kravkoll.serving.loopback import Loopback


class Cast(Protocol):
    """Who can log in: persona to person."""

    @property
    def people(self) -> Mapping[str, Person]: ...


@dataclass(frozen=True, slots=True)
class City:
    """What a supplier's product is installed against, and what checks ask for tokens and logins."""

    ca: CertificateAuthority
    authorisation_server: AuthorisationServer
    identity_provider: IdentityProvider
    openid_provider: OpenIdProvider
    state: CityState
    environment_id: str

    @classmethod
    def start(
        cls,
        loopback: Loopback,
        state: Path,
        cast: Cast,
        environment_id: str = "demo",
        doors: Doors = LOCAL,
    ) -> Self:
        """Start, with the same keys and addresses as last time; PortTaken if one of the ports is busy."""
        kept = CityState(state)
        authority = kept_authority(kept)
        context = doors.pair(authority).server_context()
        people = SignOn(cast.people)
        with ExitStack() as started:
            tokens = AuthorisationServer.start(loopback, kept, context, doors)
            started.callback(tokens.close)
            login = IdentityProvider.start(loopback, kept, context, people, doors)
            started.callback(login.close)
            openid = OpenIdProvider.start(loopback, kept, context, people, tokens, doors)
            started.pop_all()
        return cls(authority, tokens, login, openid, kept, environment_id)

    @classmethod
    def kept(cls, state: Path, cast: Cast, environment_id: str, doors: Doors = LOCAL) -> Self:
        """The same city without listening: its keys and addresses, perhaps while another process answers.

        LookupError where it was never started, so that nobody knows where it will answer.
        """
        kept, people = CityState(state), SignOn(cast.people)
        tokens = AuthorisationServer.kept(kept, doors)
        return cls(
            kept_authority(kept),
            tokens,
            IdentityProvider.kept(kept, people, doors),
            OpenIdProvider.kept(kept, people, tokens, doors),
            kept,
            environment_id,
        )

    @property
    def login_entries(self) -> tuple[str, ...]:
        """Where a system sends the browser to log in, protocol by protocol."""
        return self.identity_provider.sso_url, self.openid_provider.authorization_endpoint

    def identifiers(self, persona: str) -> frozenset[str]:
        """What the login may call this person, by either protocol."""
        return self.identity_provider.identifiers(persona) | self.openid_provider.identifiers(persona)

    def close(self) -> None:
        self.openid_provider.close()
        self.identity_provider.close()
        self.authorisation_server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def kept_authority(state: CityState) -> CertificateAuthority:
    """The city's authority, made the first time."""

    def make() -> bytes:
        made = asdict(CertificateAuthority.create())
        texts = {part: {name: pem.decode() for name, pem in pair.items()} for part, pair in made.items()}
        return json.dumps(texts).encode()

    kept = json.loads(state.keep("authority.json", make))
    pairs = {
        part: KeyPair(**{name: pem.encode() for name, pem in pair.items()}) for part, pair in kept.items()
    }
    return CertificateAuthority(**pairs)
