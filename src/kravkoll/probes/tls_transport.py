"""One TCP conversation under one deadline, ended so that a single-threaded server is free for the next."""

import errno
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kravkoll.record.outcome import Inconclusive

MOST_ADDRESSES = 4
"""So that a name with many dead addresses cannot hold a run."""

DRAIN_SECONDS = 0.5
"""How long a server may take to close its side after ours; those that never do are left."""

CHUNK = 16_384

_NOT_REACHED = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
    }
)
_CUT = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


@dataclass(slots=True)
class Conversation:
    """A connected socket; every send and receive shares the deadline (time.monotonic seconds)."""

    _socket: socket.socket
    _deadline: float
    ended: bool = field(default=False)
    """The other side has closed or reset."""

    def send(self, octets: bytes) -> None:
        """TimeoutError at the deadline; a peer that is gone is noticed by receive()."""
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(octets)
        except _CUT:
            self.ended = True

    def receive(self) -> bytes:
        """What has come, or b"" once the peer has closed or reset; TimeoutError at the deadline."""
        try:
            self._socket.settimeout(self._left())
            octets = self._socket.recv(CHUNK)
        except _CUT:
            octets = b""
        self.ended = self.ended or not octets
        return octets

    def close(self) -> None:
        """Say that we are done and read what is left: unread octets would turn our close into a reset."""
        with self._socket:
            if self.ended:
                return
            self._deadline = time.monotonic() + DRAIN_SECONDS
            try:
                self._socket.shutdown(socket.SHUT_WR)
                while self.receive():
                    pass
            except OSError:  # nothing is left to be said to this peer, nor heard
                return

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a host, so that a whole examination talks to the same server."""

    host: str
    port: int
    family: int
    address: tuple[Any, ...]
    seconds: float
    """Deadline of each conversation, from connecting to its last octet."""

    @property
    def ip(self) -> str:
        """The address without port."""
        return str(self.address[0])

    @contextmanager
    def converse(self) -> Iterator[Conversation]:
        """A connection, closed properly; Inconclusive subject.unreachable without one."""
        deadline = time.monotonic() + self.seconds
        conversation = Conversation(self._connected(), deadline)
        try:
            yield conversation
        finally:
            conversation.close()

    def _connected(self) -> socket.socket:
        connection = socket.socket(self.family, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.seconds)
            connection.connect(self.address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError:
            connection.close()
            raise Inconclusive("subject.unreachable", f"no connection within {self.seconds:g} s") from None
        except OSError as error:
            connection.close()
            if error.errno in _NOT_REACHED or isinstance(error, _CUT):
                raise Inconclusive("subject.unreachable", error.strerror or "") from None
            raise  # no descriptors, a refusal of our own: nothing to blame the subject for
        return connection


def first_reached[T](
    host: str, port: int, seconds: float, use: Callable[[Endpoint], T]
) -> tuple[Endpoint, T]:
    """The first address of the host that can be connected to, and what `use` made of it.

    A whole examination keeps to that address. Inconclusive subject.unreachable when there is none.
    """
    endpoints = [Endpoint(host, port, family, address, seconds) for family, address in _addresses(host, port)]
    reasons = []
    for endpoint in endpoints[:MOST_ADDRESSES]:
        try:
            return endpoint, use(endpoint)
        except Inconclusive as error:
            if error.reason.code != "subject.unreachable":
                raise
            reasons.append(error)
    raise reasons[0]


def _addresses(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise Inconclusive("subject.unreachable", f"{host}: {error.strerror}") from None
    return [(family, address) for family, _, _, _, address in found]
