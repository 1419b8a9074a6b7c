"""What cannot be seen is a reason with a code, and only declared origins are contacted."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.probes import http
from kravkoll.probes.http import Visitor, origin_of, without_query
from kravkoll.record.outcome import Inconclusive
from kravkoll.serving.loopback import Loopback


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create()


@pytest.fixture(scope="module")
def trusting(authority: CertificateAuthority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.anchor_pem.decode())


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


async def show(request: Request) -> Response:
    return PlainTextResponse(request.headers.get("authorization", "nothing"), headers={"X-Seen": "Yes"})


async def around(_request: Request) -> Response:
    return RedirectResponse("/around")


async def away(_request: Request) -> Response:
    return RedirectResponse("https://elsewhere.invalid/x?token=1")


async def onward(_request: Request) -> Response:
    return RedirectResponse("show", 307)


async def drip(_request: Request) -> Response:
    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b"."
            await asyncio.sleep(0.05)

    return StreamingResponse(drops())


APP = Starlette(
    routes=[
        Route("/show", show),
        Route("/around", around),
        Route("/away", away),
        Route("/onward", onward),
        Route("/drip", drip),
    ]
)


@contextmanager
def raw_server(reply: bytes | None) -> Iterator[str]:
    """Accepts one connection, reads, sends these bytes (None: resets), and closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            if reply is None:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            else:
                peer.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(5)
        listener.close()


def why(trusting: ssl.SSLContext, url: str, *, timeout_seconds: float = 2.0) -> str:
    with (
        Visitor(trusting, [url], timeout_seconds=timeout_seconds) as visitor,
        pytest.raises(Inconclusive) as raised,
    ):
        visitor.ask("GET", url)
    return raised.value.reason.code


def test_an_answer_is_kept_as_it_came(
    loopback: Loopback, authority: CertificateAuthority, trusting: ssl.SSLContext
) -> None:
    with (
        loopback.serve(APP, context=authority.issue().server_context()) as served,
        Visitor(trusting, [served.url]) as visitor,
    ):
        answer = visitor.ask("GET", f"{served.url}/show?secret=1")
    assert (answer.status, answer.text, answer.headers["x-seen"]) == (200, "nothing", "Yes")
    assert str(answer) == f"GET {served.url}/show -> 200"
    assert (answer.media_type, answer.location) == ("text/plain", None)


def test_redirects_are_followed_within_the_origin_only(loopback: Loopback, trusting: ssl.SSLContext) -> None:
    with loopback.serve(APP) as served, Visitor(trusting, [served.url]) as visitor:
        answers = visitor.follow("GET", f"{served.url}/onward", headers={"Authorization": "x"})
        assert [answer.status for answer in answers] == [307, 200]
        assert answers[-1].text == "x"
        left = visitor.follow("GET", f"{served.url}/away")[-1]
        assert left.location == "https://elsewhere.invalid/x?token=1"
        with pytest.raises(Inconclusive, match="redirect-loop"):
            visitor.follow("GET", f"{served.url}/around")


def test_undeclared_origins_are_not_contacted(trusting: ssl.SSLContext) -> None:
    with Visitor(trusting, ["https://127.0.0.1:1"]) as visitor:
        for url in ("https://127.0.0.1:2/", "http://127.0.0.1:1/", "javascript:alert(1)", "https://[bad/"):
            with pytest.raises(Inconclusive, match="not-declared"):
                visitor.ask("GET", url)


def test_each_failure_of_the_transport_has_its_code(
    loopback: Loopback, authority: CertificateAuthority, trusting: ssl.SSLContext
) -> None:
    closed = loopback.serve(APP)
    closed.close()
    assert why(trusting, closed.url) == "subject.unreachable"
    assert why(trusting, "https://name.invalid/") == "subject.unreachable"
    with loopback.serve(APP) as plain:
        assert why(trusting, plain.url.replace("http:", "https:")) == "transport.no-tls"
    with loopback.serve(APP, context=authority.issue(variation="expired").server_context()) as expired:
        assert why(trusting, expired.url) == "transport.untrusted"
    with raw_server(b"") as place:
        assert why(trusting, f"http://{place}/") == "subject.reset"
    with raw_server(None) as place:
        assert why(trusting, f"http://{place}/") == "subject.reset"
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") as place:
        assert why(trusting, f"http://{place}/") == "subject.reset"
    with raw_server(b"SSH-2.0-OpenSSH\r\n\r\n") as place:
        assert why(trusting, f"http://{place}/") == "subject.garbage"


def test_a_kept_connection_that_the_server_closed_is_opened_anew(trusting: ssl.SSLContext) -> None:
    """Servers close a connection after an error, often a moment after its answer."""
    with closing_server() as place, Visitor(trusting, [f"http://{place}"]) as visitor:
        assert [visitor.ask("GET", f"http://{place}/").status for _ in range(3)] == [200] * 3


@contextmanager
def closing_server() -> Iterator[str]:
    """Answers the first request of each connection, and hangs up on the second."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(3):
            with listener.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                connection.recv(4096)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield "{}:{}".format(*listener.getsockname())
    finally:
        listener.close()


def test_old_protocol_versions_are_a_failed_handshake(
    loopback: Loopback, authority: CertificateAuthority
) -> None:
    modern = ssl.create_default_context(cadata=authority.anchor_pem.decode())
    modern.minimum_version = ssl.TLSVersion.TLSv1_3
    old = authority.issue().server_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with loopback.serve(APP, context=old) as served:
        assert why(modern, served.url) == "transport.handshake"


def test_an_answer_that_drips_does_not_hold_us(loopback: Loopback, trusting: ssl.SSLContext) -> None:
    with loopback.serve(APP) as served:
        assert why(trusting, f"{served.url}/drip", timeout_seconds=0.3) == "subject.timeout"


def test_an_answer_that_swells_does_not_fill_us(
    loopback: Loopback, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 2)
    with loopback.serve(APP) as served:
        assert why(trusting, f"{served.url}/show") == "subject.too-large"


def test_the_machines_proxy_is_not_used(
    loopback: Loopback, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with loopback.serve(APP) as served, Visitor(trusting, [served.url]) as visitor:
        assert visitor.ask("GET", f"{served.url}/show").status == 200


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://A.example/x", "https://a.example:443"),
        ("http://[::1]:80/", "http://[::1]:80"),
        ("http://host/?q", "http://host:80"),
        ("mailto:x@y", "mailto:x@y"),
        ("https://host:99999999/", "https://host:99999999/"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_queries_and_fragments_stay_out_of_records() -> None:
    assert without_query("https://h/p?SAMLRequest=x#y") == "https://h/p"
