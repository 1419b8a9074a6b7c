"""What a supplier is handed by the city that installs its product."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Doorway:
    """Where a product is to listen, and what others call it."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 for any that is free."""
    name: str = ""
    """Host name in its addresses, where that is not `host`."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Keys and addresses, as any supplier gets them; PEM bytes and URLs."""

    trust: bytes
    """Anchors that the product verifies its peers against."""
    certificate: bytes
    """The product's own chain, leaf first, from the city's authority."""
    key: bytes
    issuer: str
    """The authorisation server."""
    idp_metadata: str
    """URL of the identity provider's SAML metadata."""
    openid_issuer: str = ""
    """The OpenID provider of the same login."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Base URLs of the systems that the product reads, by system id."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where people reach other systems, by system id: for links."""
    client_id: str = ""
    client_key: bytes = b""
    """EC private key for private_key_jwt."""
    peers: Mapping[str, str] = field(default_factory=dict)
    """Addresses of other parties. An honest product sends them nothing that was not agreed."""
    city_certificate: bytes = b""
    """The certificate that the city shows where a product demands one."""
    doorway: Doorway = Doorway()
    lapsed_certificate: bytes | None = None
    """A chain for the same key whose time is over: what a supplier is left with that forgets to renew."""
