"""TLS servers of every age for tests: the ssl module's, tlslite-ng's for older protocols, and bad manners."""

import socket
import ssl
import struct
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

type Key = rsa.RSAPrivateKey
type Serve = Callable[[socket.socket], None]

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """A root, an intermediate and the keys; RSA, which every old protocol can use."""

    def __init__(self, common: str = "Test") -> None:
        self.root_key, self.key, self.leaf_key = (rsa.generate_private_key(65537, 2048) for _ in range(3))
        self.root = _sign(
            name(f"{common} root"), name(f"{common} root"), self.root_key, self.root_key, ca=True
        )
        self.issuer = _sign(name(f"{common} issuer"), self.root.subject, self.key, self.root_key, ca=True)

    def leaf(self, **changed: Any) -> x509.Certificate:
        facts: dict[str, Any] = {"names": ("127.0.0.1", "::1", "localhost")} | changed
        return _sign(name("server"), self.issuer.subject, self.leaf_key, self.key, **facts)

    def self_signed(self) -> x509.Certificate:
        names = ("127.0.0.1", "localhost")
        return _sign(name("server"), name("server"), self.leaf_key, self.leaf_key, names=names)

    @property
    def trust(self) -> bytes:
        return pem(self.root)


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    signer: Key,
    *,
    names: tuple[str, ...] = (),
    ca: bool = False,
    starts: datetime = NOW - 10 * DAY,
    ends: datetime = NOW + 90 * DAY,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    issuer_at: str = "",
) -> x509.Certificate:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = (
        builder.serial_number(x509.random_serial_number()).not_valid_before(starts).not_valid_after(ends)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), False)
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if issuer_at:
        place = x509.UniformResourceIdentifier(issuer_at)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _general(text: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(text))
    return x509.DNSName(text)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def key_pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def write_pair(folder: Path, authority: Authority, *chain: x509.Certificate) -> tuple[Path, Path]:
    """Chain and key files; without a chain an honest one."""
    certificate, key = folder / "chain.pem", folder / "key.pem"
    certificate.write_bytes(pem(*(chain or (authority.leaf(), authority.issuer))))
    key.write_bytes(key_pem(authority.leaf_key))
    return certificate, key


def context(pair: tuple[Path, Path], lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> ssl.SSLContext:
    """OpenSSL as it was: old versions need security level 0."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*pair)
    made.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # deprecated is the point
        made.minimum_version, made.maximum_version = lowest, highest
    return made


@contextmanager
def listening(serve: Serve, host: str = "127.0.0.1") -> Iterator[tuple[int, list[int]]]:
    """A single-threaded server; yields its port and a list that grows by one for each connection."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family)
    counted: list[int] = []
    stopping = threading.Event()

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if stopping.is_set():
                return
            counted.append(1)
            connection.settimeout(10)
            with connection, suppress(OSError):
                serve(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], counted
    finally:
        stopping.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def tls_server(made: ssl.SSLContext) -> Serve:
    """Completes a handshake, then waits for the client to say goodbye."""

    def serve(connection: socket.socket) -> None:
        with made.wrap_socket(connection, server_side=True) as secure:
            while secure.recv(1024):
                pass

    return serve


def tlslite_server(pair: tuple[Path, Path], lowest: tuple[int, int], highest: tuple[int, int]) -> Serve:
    """What OpenSSL no longer can, such as SSL 3.0."""
    from tlslite.api import (  # type: ignore[import-untyped]  # noqa: PLC0415  slow to import
        HandshakeSettings,
        TLSConnection,
        X509CertChain,
        parsePEMKey,
    )
    from tlslite.errors import TLSError  # type: ignore[import-untyped]  # noqa: PLC0415

    chain = X509CertChain()
    chain.parsePemList(pair[0].read_text())
    key = parsePEMKey(pair[1].read_text(), private=True)
    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = lowest, highest
    # else it takes TLS 1.2 from supported_versions, whatever maxVersion says
    settings.versions = [(3, minor) for minor in (4, 3, 2, 1, 0) if lowest <= (3, minor) <= highest]
    settings.cipherNames = ["aes128", "aes256", "3des", "rc4"]
    if highest >= (3, 3):
        settings.cipherNames = ["aes128gcm", *settings.cipherNames]

    def serve(connection: socket.socket) -> None:
        secure = TLSConnection(connection)
        with suppress(TLSError):
            secure.handshakeServer(certChain=chain, privateKey=key, settings=settings)
            secure.read(min=0, max=1)

    return serve


def unlike_for(old: Serve, new: Serve, *, highest: int = 0x0302) -> Serve:
    """One manner for hellos that offer at most the wire number `highest`, another for the rest."""

    def serve(connection: socket.socket) -> None:
        head = connection.recv(11, socket.MSG_PEEK | socket.MSG_WAITALL)
        (old if int.from_bytes(head[9:11]) <= highest else new)(connection)

    return serve


def closes(connection: socket.socket) -> None:
    """A clean close right after the first flight."""
    connection.recv(4096)


def resets(connection: socket.socket) -> None:
    """A reset right after the first flight."""
    connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs(connection: socket.socket) -> None:
    """Says nothing until the client goes."""
    while connection.recv(4096):
        pass


def says(octets: bytes) -> Serve:
    """Answers the same to everything."""

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(octets)

    return serve


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def s_server(pair: tuple[Path, Path], *options: str) -> Iterator[int]:
    """OpenSSL's own single-threaded test server."""
    port = free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(pair[0])]
    command += ["-key", str(pair[1]), "-cert_chain", str(pair[0]), "-quiet", *options]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        _await_port(process, port)
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=5)


def _await_port(process: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(100):
        assert process.poll() is None, process.stdout.read() if process.stdout else b""
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
        else:
            return
    raise AssertionError("s_server did not come up")
