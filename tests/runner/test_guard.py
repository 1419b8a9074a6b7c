"""Only declared hosts are reached from this process."""

import socket

import pytest

from kravkoll.runner.guard import UndeclaredHost, only


def test_look_ups_of_other_hosts_are_refused() -> None:
    with (
        only(["declared.invalid"]),
        pytest.raises(UndeclaredHost, match=r"look-up of other\.invalid refused"),
    ):
        socket.getaddrinfo("other.invalid", 443)


def test_connections_to_other_addresses_are_refused() -> None:
    with only([]), socket.socket() as plain, pytest.raises(UndeclaredHost, match=r"203\.0\.113\.7"):
        plain.connect(("203.0.113.7", 443))


def test_declared_hosts_and_loopback_are_reached() -> None:
    with only(["Declared.invalid"]), socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(listener.getsockname(), timeout=2).close()
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo("declared.invalid", 443)


def test_afterwards_everything_is_as_before() -> None:
    with only([]):
        pass
    with socket.socket() as plain:
        plain.settimeout(0.01)
        assert plain.connect_ex(("127.0.0.1", 1)) != 0
