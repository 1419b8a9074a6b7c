"""What an unencrypted request meets. Only a status line that was read is an HTTP answer."""

import socket
import ssl
from pathlib import Path

import pytest
from tests.probes.tls_servers import (
    Authority,
    Serve,
    closes,
    context,
    free_port,
    hangs,
    listening,
    resets,
    says,
    tls_server,
    write_pair,
)

from kravkoll.probes.plaintext import PlaintextObservation, examine_plaintext
from kravkoll.record.outcome import Inconclusive

REDIRECT = b"HTTP/1.1 302 Found\r\nServer: x\r\nLOCATION: https://skola.example/?pnr=1 \r\n\r\n"


def look(serve: Serve, host: str = "127.0.0.1") -> PlaintextObservation:
    with listening(serve, host) as (port, _):
        return examine_plaintext(host, port, seconds=0.5)


@pytest.mark.parametrize(
    ("octets", "status", "location"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nhello", 200, ""),
        (b"HTTP/1.0 404\r\n\r\n", 404, ""),
        (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n", 400, ""),
        (REDIRECT, 302, "https://skola.example/"),
    ],
)
def test_an_http_answer_is_read(octets: bytes, status: int, location: str) -> None:
    seen = look(says(octets))
    assert (seen.answer, seen.status, seen.location) == ("http", status, location)


def test_a_head_that_never_ends_is_an_answer_all_the_same() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nServer: slow\r\n")
        hangs(connection)

    assert look(serve).status == 200


@pytest.mark.parametrize(
    ("manner", "answer"),
    [
        (closes, "closed"),
        (resets, "closed"),
        (says(b"\x15\x03\x01\x00\x02\x02\x46"), "closed"),
        (hangs, "silent"),
        (says(b"<html>400</html>"), "garbage"),
        (says(b"HTTP/1.1 banana\r\n\r\n"), "garbage"),
        (says(b"HTTP/1.1 20"), "garbage"),
    ],
)
def test_anything_else_is_no_http_answer(manner: Serve, answer: str) -> None:
    seen = look(manner)
    assert (seen.answer, seen.status) == (answer, None)


def test_a_tls_server_turns_us_away(tmp_path: Path) -> None:
    made = context(write_pair(tmp_path, Authority()), ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    assert look(tls_server(made)).answer == "closed"


def test_the_request_names_the_host() -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(4096))

    look(serve, "::1")
    assert heard[0].startswith(b"GET / HTTP/1.1\r\nHost: [::1]:")
    assert b"authorization" not in heard[0].lower()


def test_nobody_there() -> None:
    with pytest.raises(Inconclusive) as caught:
        examine_plaintext("127.0.0.1", free_port(), seconds=1)
    assert caught.value.reason.code == "subject.unreachable"
