"""Only declared hosts are contacted: an audit hook refuses every other connection and look-up."""

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LOOK_UPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
CONTACTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class UndeclaredHost(Exception):
    """Something tried to reach a host that no environment declares: our fault, never the supplier's."""


@dataclass(slots=True)
class _Guard:
    """The hosts that may be reached; None lets all through. One for the process: hooks stay for good."""

    hosts: frozenset[str] | None = None
    addresses: set[str] = field(default_factory=set)
    installed: bool = False

    def refuse(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.hosts is None:
            return
        if event in LOOK_UPS:
            self._look_up(arguments[0])
        elif event in CONTACTS:
            self._connect(arguments[1])

    def _look_up(self, host: object) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        if (
            name is None
            or _loopback(str(name))
            or str(name).lower() in (self.hosts or frozenset()) | self.addresses
        ):
            return
        raise UndeclaredHost(f"look-up of {name} refused: no environment file declares this host")

    def _connect(self, address: object) -> None:
        if not isinstance(address, tuple) or _loopback(str(address[0])):
            return
        host = str(address[0]).lower()
        if host not in self.addresses and host not in (self.hosts or ()):
            raise UndeclaredHost(f"connection to {host} refused: no environment file declares this host")


_GUARD = _Guard()


def _loopback(host: str) -> bool:
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def only(hosts: Iterable[str]) -> Iterator[None]:
    """Until the block ends, only these hosts and loopback can be reached from this process."""
    if not _GUARD.installed:
        sys.addaudithook(_GUARD.refuse)
        _GUARD.installed = True
    before = (_GUARD.hosts, _GUARD.addresses)
    declared = frozenset(host.lower() for host in hosts)
    _GUARD.hosts, _GUARD.addresses = None, _resolved(declared)
    _GUARD.hosts = declared
    try:
        yield
    finally:
        _GUARD.hosts, _GUARD.addresses = before


def _resolved(hosts: Iterable[str]) -> set[str]:
    """The addresses of declared hosts; a host that does not resolve is found out by whoever looks at it."""
    addresses: set[str] = set()
    for host in hosts:
        with contextlib.suppress(OSError):
            addresses |= {str(info[4][0]).lower() for info in socket.getaddrinfo(host, None)}
    return addresses
