"""Where the city listens, and what suppliers call it: the same name and ports as last time."""

import errno
import os
import random
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from kravkoll.city.certificate_authority import LOOPBACK_NAMES, CertificateAuthority, KeyPair
from kravkoll.city.state import CityState
from kravkoll.serving.loopback import Loopback, Served, listening

LOOPBACK = "127.0.0.1"
TAKEN = errno.EADDRINUSE if os.name == "posix" else errno.EACCES
"""How the system says that a port is not free; a port below 1024 may be refused for other reasons."""

ANSWER_SECONDS = 2.0

STEADY = range(20_000, 32_000)
"""Ports that no system hands out to connections in passing, so that they are free the next time too."""


class PortTaken(OSError):
    """Another program has the port that this party of the city is to answer at."""

    def __init__(self, party: str, host: str, port: int) -> None:
        self.party, self.host, self.port = party, host, port
        super().__init__(errno.EADDRINUSE, f"{host}:{port} of the city's {party} is in use")


@dataclass(frozen=True, slots=True)
class Doors:
    """Loopback and its own authority's certificate, unless the environment says otherwise."""

    public_name: str = LOOPBACK
    bind: str = LOOPBACK
    ports: Mapping[str, int] = field(default_factory=dict)
    """Party to port; a party that is not named keeps the one it got the first time."""
    certificate: KeyPair | None = None
    """The city's own for its public name."""

    @property
    def local(self) -> bool:
        """Whether nobody but this machine can come in."""
        return self.bind in LOOPBACK_NAMES

    def pair(self, ca: CertificateAuthority) -> KeyPair:
        """The certificate that every party shows."""
        return self.certificate or ca.issue(self.names)

    def anchors(self, ca: CertificateAuthority) -> bytes:
        """What verifies the city and all that it issues: its authority, and a certificate of its own."""
        return ca.anchor_pem + (b"\n" + self.certificate.chain_pem if self.certificate else b"")

    @property
    def names(self) -> tuple[str, ...]:
        """What a certificate must hold for: suppliers call by the public name, this machine by loopback."""
        return tuple(dict.fromkeys((self.public_name, *LOOPBACK_NAMES)))

    def port(self, party: str, state: CityState) -> int:
        """The port of a party; 0 where none is told and it was never open."""
        return self.ports.get(party) or state.port(party)

    def open(
        self, party: str, app: ASGIApp, *, loopback: Loopback, state: CityState, context: ssl.SSLContext
    ) -> Served:
        """Answer as a party of the city; PortTaken if another program has its port."""
        port = self.port(party, state) or steady_port(self.bind)
        try:
            served = loopback.serve(app, context=context, host=self.bind, port=port, name=self.public_name)
        except OSError as error:
            if error.errno == TAKEN:
                raise PortTaken(party, self.bind, port) from error
            raise
        state.remember_port(party, served.port)
        return served

    def taken(self, party: str, state: CityState) -> int:
        """The party's port, if some program has it now; else 0."""
        port = self.port(party, state)
        return 0 if _free(self.bind, port) else port

    def ours(self, port: int, ca: CertificateAuthority) -> bool:
        """Whether this very city answers there, in another process: nobody else has its certificate."""
        anchor = self.certificate.certificate_pem if self.certificate else ca.anchor_pem
        context = ssl.create_default_context(cadata=anchor.decode("ascii"))
        context.check_hostname = False
        context.verify_flags |= (
            ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        )  # a certificate of its own is the anchor
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.bind, self.bind)  # noqa: S104  # nosec B104  # asked, not bound
        try:
            with socket.create_connection((host, port), timeout=ANSWER_SECONDS) as raw:
                context.wrap_socket(raw).close()
        except OSError:
            return False
        return True

    def address(self, party: str, state: CityState) -> str:
        """Base URL of a party, running or not; empty where it was never open and no port is told."""
        port = self.port(party, state)
        shown = f"[{self.public_name}]" if ":" in self.public_name else self.public_name
        return f"https://{shown}:{port}" if port else ""

    def address_of(self, party: str, state: CityState) -> str:
        """As `address`; LookupError where nobody knows it yet."""
        known = self.address(party, state)
        if not known:
            raise LookupError(f"the city's {party} was never started in {state.directory}")
        return known


LOCAL = Doors()


def steady_port(bind: str) -> int:
    """A port that is free now, and likely whenever a kept party starts again; 0 where all are taken."""
    return next((port for port in random.sample(STEADY, 100) if _free(bind, port)), 0)


def _free(bind: str, port: int) -> bool:
    """Whether a server could listen there; raises OSError where the address itself is no good."""
    try:
        listening(bind, port).close()
    except OSError as error:
        if error.errno == TAKEN:
            return False
        raise
    return True
