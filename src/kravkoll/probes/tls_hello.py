"""First flights made by hand: a ClientHello for one version, and what a server answers to it.

No TLS library of today can ask for the versions that must be refused, so the octets are written here,
after RFC 6101 (SSL 3.0), 2246, 4346, 5246 and 8446. Nothing is encrypted and no handshake completes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
"""Wire number to name. The names sort as the versions do."""

NUMBERS = {name: number for number, name in VERSIONS.items()}

ALERT, HANDSHAKE = 21, 22
SERVER_HELLO = 2
CLOSE_NOTIFY, WARNING = 0, 1

RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""A ServerHello with this random is a HelloRetryRequest (RFC 8446 4.1.3)."""

ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 40: "handshake_failure",
    42: "bad_certificate", 47: "illegal_parameter", 48: "unknown_ca", 50: "decode_error",
    70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
    86: "inappropriate_fallback", 90: "user_canceled", 109: "missing_extension",
    110: "unsupported_extension", 112: "unrecognized_name", 116: "certificate_required",
    120: "no_application_protocol",
}  # fmt: skip

TLS13_SUITES = (0x1301, 0x1302, 0x1303, 0x1304)
OLD_SUITES = (
    # Wide on purpose: a server that knows nothing better must be able to answer.
    0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC02B, 0xC02F, 0xC024, 0xC028, 0xC023, 0xC027,  # ECDHE, TLS 1.2
    0x009F, 0xCCAA, 0x009E, 0x006B, 0x0067, 0x00A3, 0x00A2,  # DHE, TLS 1.2
    0x009D, 0x009C, 0x003D, 0x003C,  # RSA key exchange, TLS 1.2
    0xC00A, 0xC014, 0xC009, 0xC013, 0x0039, 0x0038, 0x0033, 0x0032, 0x0035, 0x002F,  # CBC-SHA
    0x0088, 0x0045, 0x0084, 0x0041, 0x0096,  # Camellia, SEED
    0xC008, 0xC012, 0x0016, 0x0013, 0x000A,  # 3DES
    0xC007, 0xC011, 0x0005, 0x0004, 0x0015, 0x0009,  # RC4, DES
    0xC018, 0xC019, 0x0034, 0x003A, 0x001B, 0x0018, 0xC010, 0xC006, 0x003B, 0x0002, 0x0001,  # anonymous, NULL
)  # fmt: skip
RENEGOTIATION_SCSV = 0x00FF

X25519, SECP256R1 = 0x001D, 0x0017
GROUPS = (X25519, SECP256R1, 0x0018, 0x0019, 0x001E, 0x0100, 0x0101, 0x0102)
GENERATOR_P256 = bytes.fromhex(
    "04"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
"""A valid public key that costs nothing: the handshake is never completed."""

SIGNATURES = (
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B,
    0x0401, 0x0501, 0x0601, 0x0402, 0x0203, 0x0201, 0x0202,
)  # fmt: skip

LARGEST_RECORD = 2**14 + 2048
LARGEST_HELLO = 2**16
AWKWARD_LENGTHS = range(256, 512)
"""Lengths of a ClientHello at which known middleboxes hang (RFC 7685)."""


class MalformedAnswerError(ValueError):
    """What came is not TLS, or not an answer to a ClientHello."""


@dataclass(frozen=True, slots=True)
class ServerHello:
    """The version and suite that a server chose; wire numbers."""

    version: int
    cipher_suite: int
    retry: bool = False
    """A HelloRetryRequest: the version is settled, the key share is not."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Why a server refuses."""

    level: int
    description: int

    def __str__(self) -> str:
        return ALERTS.get(self.description, f"alert {self.description}")


type Answer = ServerHello | Alert


def client_hello(version: int, server_name: str | None = None) -> bytes:
    """The record of a ClientHello whose highest (for TLS 1.3: only) version is the wire number `version`."""
    body = _hello(version, _extensions(version, server_name))
    if version > 0x0300 and len(body) + 4 in AWKWARD_LENGTHS:
        padding = bytes(max(0, AWKWARD_LENGTHS.stop - len(body) - 8))
        body = _hello(version, _extensions(version, server_name) + _extension(21, padding))
    handshake = b"\x01" + len(body).to_bytes(3) + body
    record_version = min(version, 0x0301)
    return bytes([HANDSHAKE]) + record_version.to_bytes(2) + _sized(2, handshake)


def _hello(version: int, extensions: bytes) -> bytes:
    suites = TLS13_SUITES if version == 0x0304 else (*OLD_SUITES, RENEGOTIATION_SCSV)
    session = os.urandom(32) if version == 0x0304 else b""  # what middleboxes expect (RFC 8446 D.4)
    body = min(version, 0x0303).to_bytes(2) + os.urandom(32) + _sized(1, session)
    body += _sized(2, _numbers(suites)) + b"\x01\x00"
    return body + _sized(2, extensions) if extensions else body


def _extensions(version: int, server_name: str | None) -> bytes:
    if version == 0x0300:
        return b""  # SSL 3.0 has none, and some of its servers stop at them
    found = b""
    if server_name:
        found += _extension(0, _sized(2, b"\x00" + _sized(2, server_name.encode("idna"))))
    found += _extension(10, _sized(2, _numbers(GROUPS)))
    if version >= 0x0303:
        found += _extension(13, _sized(2, _numbers(SIGNATURES)))
    if version < 0x0304:
        return found + _extension(11, b"\x01\x00") + _extension(23, b"")
    shares = _numbers((X25519,)) + _sized(2, os.urandom(32))
    shares += _numbers((SECP256R1,)) + _sized(2, GENERATOR_P256)
    return (
        found
        + _extension(43, b"\x02\x03\x04")
        + _extension(51, _sized(2, shares))
        + _extension(45, b"\x01\x01")
    )


def _extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2) + _sized(2, body)


def _sized(width: int, body: bytes) -> bytes:
    return len(body).to_bytes(width) + body


def _numbers(values: tuple[int, ...]) -> bytes:
    return b"".join(value.to_bytes(2) for value in values)


def looks_like_tls(octets: bytes) -> bool:
    """True where octets can be the start of a TLS record from a server."""
    return octets[:1] in {b"\x15", b"\x16"} and octets[1:2] in {b"", b"\x03"}


def read_answer(octets: bytes) -> Answer | None:
    """The first answer in what has come so far, None if more is needed; MalformedAnswerError if not TLS."""
    handshake = b""
    for kind, body in _records(octets):
        if kind == ALERT:
            if len(body) != 2:
                raise MalformedAnswerError("an alert that is not two octets")
            alert = Alert(*body)
            if alert.level == WARNING and alert.description != CLOSE_NOTIFY:
                continue  # such as unrecognized_name: the handshake goes on
            return alert
        handshake += body
        if len(handshake) >= 4:
            size = int.from_bytes(handshake[1:4])
            if handshake[0] != SERVER_HELLO or size > LARGEST_HELLO:
                raise MalformedAnswerError("the first handshake message is no ServerHello")
            if len(handshake) >= 4 + size:
                return _server_hello(handshake[4 : 4 + size])
    return None


def _records(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Complete records of the kinds that can answer a ClientHello."""
    while octets:
        if not looks_like_tls(octets):
            raise MalformedAnswerError("not a TLS record")
        size = int.from_bytes(octets[3:5])
        if size > LARGEST_RECORD:
            raise MalformedAnswerError("a record longer than TLS allows")
        if len(octets) < 5 or len(octets) < 5 + size:
            return
        yield octets[0], octets[5 : 5 + size]
        octets = octets[5 + size :]


def _server_hello(body: bytes) -> ServerHello:
    """RFC 8446 4.1.3; in TLS 1.3 the version stands in the extension supported_versions."""
    at = _Reader(body)
    version = at.number(2)
    random = at.take(32)
    at.take(at.number(1))
    suite = at.number(2)
    at.take(1)
    extensions = _Reader(at.take(at.number(2)) if at.left else b"")
    while extensions.left:
        kind, content = extensions.number(2), extensions.take(extensions.number(2))
        if kind == 43 and len(content) == 2:
            version = int.from_bytes(content)
    return ServerHello(version, suite, retry=random == RETRY_RANDOM)


class _Reader:
    """Octets taken from the front; MalformedAnswerError when they run out."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    @property
    def left(self) -> int:
        return len(self._octets)

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise MalformedAnswerError("a ServerHello that ends too early")
        taken, self._octets = self._octets[:count], self._octets[count:]
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width))
