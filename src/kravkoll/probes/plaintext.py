"""One HTTP request without encryption, and what comes back on the agreed port."""

import re
from dataclasses import dataclass

from kravkoll.probes.tls_transport import Conversation, Endpoint, first_reached

SECONDS = 5.0
LONGEST_HEAD = 16_384

STATUS_LINE = re.compile(rb"^HTTP/\d\.\d ([1-5]\d\d)(?: [^\r\n]*)?\r?\n")
_LOCATION = re.compile(rb"^location:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PlaintextObservation:
    """What an unencrypted request met: an HTTP answer that was read, or none."""

    host: str
    port: int
    answer: str
    """`http`, `closed` (also a reset or a TLS alert), `silent` or `garbage`."""
    status: int | None = None
    location: str = ""
    """Where an answer sends the client on to; without query, which may hold what is none of ours."""


def examine_plaintext(host: str, port: int, *, seconds: float = SECONDS) -> PlaintextObservation:
    """Ask for / without encryption or credentials; Inconclusive subject.unreachable without a connection."""
    _, observation = first_reached(host, port, seconds, ask)
    return observation


def ask(endpoint: Endpoint) -> PlaintextObservation:
    """The same at an address that is already known."""
    host, port = endpoint.host, endpoint.port
    with endpoint.converse() as conversation:
        try:
            conversation.send(_request(host, port))
            head = _head(conversation)
        except TimeoutError:
            return PlaintextObservation(host, port, "silent")
    status = STATUS_LINE.match(head)
    if status:
        location = _LOCATION.search(head)
        place = location[1].decode("latin-1").partition("?")[0].strip() if location else ""
        return PlaintextObservation(host, port, "http", int(status[1]), place)
    closed = not head or head[:2] == b"\x15\x03"
    return PlaintextObservation(host, port, "closed" if closed else "garbage")


def _request(host: str, port: int) -> bytes:
    name = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
    lines = (
        "GET / HTTP/1.1",
        f"Host: {name}:{port}",
        "User-Agent: kravkoll",
        "Accept: */*",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _head(conversation: Conversation) -> bytes:
    """Status line and header fields, or what came before the peer closed; TimeoutError if neither."""
    octets = b""
    while len(octets) < LONGEST_HEAD and b"\r\n\r\n" not in octets:
        try:
            more = conversation.receive()
        except TimeoutError:
            if STATUS_LINE.match(octets):
                return octets  # a slow body or head: the status line was read, and that is the answer
            raise
        if not more:
            break
        octets += more
    return octets
