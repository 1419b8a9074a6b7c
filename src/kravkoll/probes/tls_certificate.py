"""An ordinary handshake, and everything that the presented certificate fails at: all of it, not the first."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID
from OpenSSL import SSL, crypto

from kravkoll.probes.tls_hello import VERSIONS, looks_like_tls
from kravkoll.probes.tls_transport import CHUNK, Conversation, Endpoint

SELF_SIGNED, INCOMPLETE, UNTRUSTED = "self-signed", "incomplete-chain", "untrusted-issuer"
EXPIRED, NOT_YET_VALID, WRONG_PURPOSE = "expired", "not-yet-valid", "wrong-purpose"
WRONG_NAME, NO_NAMES = "wrong-name", "no-names"
UNTRUSTED_KINDS = frozenset({SELF_SIGNED, INCOMPLETE, UNTRUSTED})

# X509_V_ERR_* of OpenSSL's x509_vfy.h
_VERIFY_ERRORS = {
    2: UNTRUSTED,
    7: UNTRUSTED,
    9: NOT_YET_VALID,
    10: EXPIRED,
    18: SELF_SIGNED,
    19: UNTRUSTED,
    20: UNTRUSTED,
    21: UNTRUSTED,
    26: WRONG_PURPOSE,
}

PERMISSIVE = b"ALL:COMPLEMENTOFALL:!aNULL:@SECLEVEL=0"
"""The handshake must complete with the worst of servers, as long as it shows a certificate."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate as it was sent; times are UTC."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class TrustProblem:
    """Why an ordinary client that trusts only what was agreed would stop."""

    kind: str
    """`expired`, `untrusted-issuer` and so on; `openssl-N` for what has no name here."""
    depth: int
    """0 is the server's own certificate."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What an ordinary client agreed on with the server, and what it was shown."""

    version: str
    cipher: str
    certificates: tuple[Certificate, ...]
    problems: tuple[TrustProblem, ...]
    completed: bool
    """False where the server let us see its certificate and then wanted one of ours."""


class HandshakeRefusedError(Exception):
    """The server speaks TLS but did not come as far as its certificate; the message is its reason."""


class NotTLSError(Exception):
    """The server did not speak TLS; `octets` is what it said first, empty when it closed."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        super().__init__(repr(octets[:40]))


class OrdinaryClient:
    """An OpenSSL client that trusts some anchors, and goes on after every error in order to see them all."""

    def __init__(self, trust: bytes, server_name: str | None, *, platform: bool = False) -> None:
        """`trust` is PEM; `platform` adds the anchors of the operating system."""
        self._anchors = x509.load_pem_x509_certificates(trust) if trust.strip() else []
        self._server_name = server_name
        self.anchors = tuple(anchor.subject.rfc4514_string() for anchor in self._anchors)
        """Subjects of what is trusted."""
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_VERSION)
        self._context.set_cipher_list(PERMISSIVE)
        self._context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)
        store = self._context.get_cert_store()
        assert store is not None  # noqa: S101  # every context has one
        for anchor in self._anchors:
            store.add_cert(crypto.X509.from_cryptography(anchor))
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)  # an agreed intermediate is an anchor too

        self._errors: list[tuple[int, int]] = []
        self._context.set_verify(SSL.VERIFY_PEER, self._note)
        if platform:
            self._context.set_default_verify_paths()

    def _note(self, _c: SSL.Connection, _x: crypto.X509, error: int, depth: int, ok: int) -> bool:
        if not ok:
            self._errors.append((error, depth))
        return True

    def shake_hands(self, endpoint: Endpoint) -> Handshake:
        """TimeoutError, NotTLSError or HandshakeRefusedError where no certificate was seen."""
        self._errors.clear()
        session = SSL.Connection(self._context, None)
        if self._server_name:
            session.set_tlsext_host_name(self._server_name.encode("idna"))
        session.set_connect_state()
        with endpoint.converse() as conversation:
            completed, reason = _exchange(session, conversation)
            chain = session.get_peer_cert_chain(as_cryptography=True) or []
            if not chain and not completed:
                raise HandshakeRefusedError(reason)
            if completed:
                _say_goodbye(session, conversation)
        problems = (
            *_path_problems(self._errors, chain, self._anchors),
            *_name_problems(endpoint.host, chain),
        )
        version = VERSIONS.get(session.get_protocol_version(), session.get_protocol_version_name())
        return Handshake(
            version, session.get_cipher_name() or "", tuple(map(_seen, chain)), problems, completed
        )


def _exchange(session: SSL.Connection, conversation: Conversation) -> tuple[bool, str]:
    """Whether the handshake completed, and OpenSSL's reason if not."""
    first = True
    while True:
        try:
            session.do_handshake()
        except SSL.WantReadError:
            _flush(session, conversation)
        except SSL.Error as error:
            _flush(session, conversation)
            return False, _reason(error)
        else:
            _flush(session, conversation)
            return True, ""
        octets = conversation.receive()
        if first and not looks_like_tls(octets):
            raise NotTLSError(octets)
        if not octets:
            return False, "closed"
        first = False
        session.bio_write(octets)


def _flush(session: SSL.Connection, conversation: Conversation) -> None:
    while True:
        try:
            octets = session.bio_read(CHUNK)
        except SSL.WantReadError:
            return
        conversation.send(octets)


def _say_goodbye(session: SSL.Connection, conversation: Conversation) -> None:
    try:
        session.shutdown()
    except SSL.Error:  # the server has already said its own; ours is a courtesy
        return
    _flush(session, conversation)


def _reason(error: SSL.Error) -> str:
    entries = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(entry[-1]) for entry in entries) or type(error).__name__


def _path_problems(
    errors: Iterable[tuple[int, int]], chain: list[x509.Certificate], anchors: list[x509.Certificate]
) -> tuple[TrustProblem, ...]:
    found: dict[str, int] = {}
    for error, depth in errors:
        kind = _VERIFY_ERRORS.get(error, f"openssl-{error}")
        if kind == UNTRUSTED and _lacks_intermediate(chain, anchors):
            kind = INCOMPLETE
        found.setdefault(kind, depth)
    if SELF_SIGNED in found:
        found.pop(UNTRUSTED, None)  # OpenSSL says both of the same certificate
    return tuple(TrustProblem(kind, depth) for kind, depth in found.items())


def _lacks_intermediate(chain: list[x509.Certificate], anchors: list[x509.Certificate]) -> bool:
    """True for a lone certificate whose issuer we do not have but that may well lead to an anchor.

    Without such a sign a missing intermediate and an issuer nobody agreed on look alike.
    """
    if len(chain) != 1 or chain[0].issuer == chain[0].subject:
        return False
    issuer = chain[0].issuer
    if any(anchor.subject == issuer for anchor in anchors):
        return False
    owners = {owner for anchor in anchors for owner in _organisations(anchor.subject)}
    return _says_where_issuer_is(chain[0]) or bool(owners & _organisations(issuer))


def _organisations(name: x509.Name) -> set[str]:
    return {str(attribute.value) for attribute in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}


def _says_where_issuer_is(certificate: x509.Certificate) -> bool:
    access = _extension(certificate, x509.AuthorityInformationAccess)
    issuers = AuthorityInformationAccessOID.CA_ISSUERS
    return access is not None and any(place.access_method == issuers for place in access)


def _extension[T: x509.ExtensionType](certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):  # ValueError: an extension that cannot be parsed
        return None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    found = _extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return ()
    addresses = (str(address) for address in found.get_values_for_type(x509.IPAddress))
    return (*found.get_values_for_type(x509.DNSName), *addresses)


def _name_problems(host: str, chain: list[x509.Certificate]) -> tuple[TrustProblem, ...]:
    if not chain:
        return ()
    names = _names(chain[0])
    if not names:
        return (TrustProblem(NO_NAMES, 0),)
    return () if any(matches(host, name) for name in names) else (TrustProblem(WRONG_NAME, 0),)


def matches(host: str, name: str) -> bool:
    """RFC 9525 6.3: equal, or a wildcard that is the whole leftmost label and stands for one label."""
    if is_address(host):
        return is_address(name) and ipaddress.ip_address(host) == ipaddress.ip_address(name)
    wanted, offered = _ascii(host), name.rstrip(".").lower()
    if offered.startswith("*."):
        _, _, parent = wanted.partition(".")
        return "." in offered[2:] and parent == offered[2:]
    return wanted == offered


def is_address(host: str) -> bool:
    """True for an IPv4 or IPv6 address, which is never sent as a server name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ascii(host: str) -> str:
    return host.rstrip(".").lower().encode("idna").decode("ascii")


def _seen(certificate: x509.Certificate) -> Certificate:
    return Certificate(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=_names(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        sha256=certificate.fingerprint(SHA256()).hex(),
    )
