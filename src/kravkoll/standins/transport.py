"""TLS as a system serves it, and what can be wrong with it."""

import select
import socket
import ssl
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp

from kravkoll.serving.loopback import Loopback, Served, server_context
from kravkoll.standins.faults import Behaviour, fault
from kravkoll.standins.installation import Doorway, Installation

SECOND = timedelta(seconds=1)
TLS_HANDSHAKE = b"\x16"
"""First byte of a ClientHello record."""
BLOCK = 65536


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a system answers, by the name that others call it; `close` ends all of it."""

    host: str
    port: int
    close: Callable[[], None]


def listen(
    app: ASGIApp,
    installation: Installation,
    loopback: Loopback,
    behave: Behaviour,
    *,
    demanded: bytes | None = None,
) -> Listening:
    """Serve over TLS; raises OSError if the port is busy.

    `demanded` is the one certificate (PEM) that whoever asks must show; None asks for none.
    """
    certificate, key = behave(own_certificate)(installation)
    context = server_context(certificate, key)
    behave(choose_versions)(context)
    if demanded is not None:
        behave(demand_certificate)(context, demanded)
    return behave(open_port)(app, context, loopback, installation.doorway)


def own_certificate(installation: Installation) -> tuple[bytes, bytes]:
    """Chain and key, PEM."""
    return installation.certificate, installation.key


def choose_versions(context: ssl.SSLContext) -> None:
    """TLS 1.2 and 1.3."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2


def demand_certificate(context: ssl.SSLContext, certificate: bytes) -> None:
    """This one and no other: one of the same authority, such as another supplier's, is not enough."""
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if certificate:
        context.load_verify_locations(cadata=certificate.decode("ascii"))


def open_port(app: ASGIApp, context: ssl.SSLContext, loopback: Loopback, door: Doorway) -> Listening:
    """TLS and nothing else."""
    served = loopback.serve(app, context=context, host=door.host, port=door.port, name=door.name)
    return _listening(served, door)


def _listening(served: Served, door: Doorway) -> Listening:
    return Listening(door.name or served.host, served.port, served.close)


@fault("tls.tls10_11", replaces=choose_versions)
def accept_legacy_versions(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # deprecated is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")


@fault("tls.no_tls13", replaces=choose_versions)
def stop_at_tls12(context: ssl.SSLContext) -> None:
    choose_versions(context)
    context.maximum_version = ssl.TLSVersion.TLSv1_2


@fault("mtls.open", replaces=demand_certificate, silent=True)
def let_anybody_in(_context: ssl.SSLContext, _certificate: bytes) -> None:
    return None


@fault("tls.expired", replaces=own_certificate)
def show_lapsed_certificate(installation: Installation) -> tuple[bytes, bytes]:
    if installation.lapsed_certificate:
        return installation.lapsed_certificate, installation.key
    key = load_pem_private_key(installation.key, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    leaf = _certificate(
        key, key, "localhost", "localhost", now - timedelta(days=400), now - timedelta(days=2)
    )
    return leaf, _pem(key)


@fault("tls.untrusted_ca", replaces=own_certificate)
def show_certificate_of_own_authority(_installation: Installation) -> tuple[bytes, bytes]:
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    start, end = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=90)
    leaf = _certificate(key, authority, "localhost", "Own authority", start, end)
    root = _certificate(authority, authority, "Own authority", "Own authority", start, end)
    return leaf + root, _pem(key)


@fault("tls.plaintext", replaces=open_port)
def answer_plaintext_too(
    app: ASGIApp, context: ssl.SSLContext, loopback: Loopback, door: Doorway
) -> Listening:
    secure, plain = loopback.serve(app, context=context), loopback.serve(app)
    front = _Front(door.host, door.port, {True: secure.port, False: plain.port})

    def close() -> None:
        front.close()
        secure.close()
        plain.close()

    return Listening(door.name or door.host, front.port, close)


class _Front:
    """One port for two servers: the first byte says which is meant."""

    def __init__(self, host: str, port: int, ports: dict[bool, int]) -> None:
        self._ports = ports
        self._listener = socket.create_server((host, port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="plaintext", daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            tls = client.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE
            with socket.create_connection(("127.0.0.1", self._ports[tls])) as server:
                _pass_on(client, server)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either end is done."""
    peers = {one: other, other: one}
    while True:
        for ready in select.select(list(peers), [], [])[0]:
            block = ready.recv(BLOCK)
            if not block:
                return
            peers[ready].sendall(block)


def _certificate(  # noqa: PLR0913, PLR0917  the six facts of a certificate
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    subject: str,
    issuer: str,
    start: datetime,
    end: datetime,
) -> bytes:
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(one)) for one in ("127.0.0.1", "::1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(
            x509.BasicConstraints(ca=key is signer and subject != "localhost", path_length=None), True
        )
        .add_extension(x509.SubjectAlternativeName(names), False)
        .sign(signer, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
