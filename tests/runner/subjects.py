"""Subjects that misbehave, each on a loopback port of its own."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.serving.loopback import Loopback

NOISE = bytes(range(200, 256)) * 4 + b"\r\n\r\n"


@contextmanager
def down() -> Iterator[str]:
    """A port that is held, so that nobody else gets it, and that refuses every connection."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"https://127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A listener that does this with each connection, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, answer), daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _serve(listener: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # closed: the test is over
            return
        with contextlib.suppress(OSError), connection:
            answer(connection)


@contextmanager
def silent() -> Iterator[str]:
    """Connections are taken by the kernel and never answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


def reset(connection: socket.socket) -> None:
    """A close that says reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def noise(connection: socket.socket) -> None:
    """Octets that are no protocol."""
    connection.settimeout(2)
    connection.recv(1)
    connection.sendall(NOISE)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass


def ssh(connection: socket.socket) -> None:
    """Another protocol's greeting."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
    noise(connection)


@contextmanager
def noise_in_tls(context: ssl.SSLContext) -> Iterator[str]:
    """A good handshake, and noise where HTTP is expected."""

    def answer(connection: socket.socket) -> None:
        connection.settimeout(2)
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(4096)
            tls.sendall(NOISE)
            tls.unwrap()

    with answering(answer) as url:
        yield url


def same(status: int) -> Starlette:
    """The same page at any path."""

    def page(_: Request) -> HTMLResponse:
        return HTMLResponse("<h1>Maintenance</h1>", status)

    return Starlette(routes=[Route("/{path:path}", page, methods=["GET", "POST", "PUT", "DELETE"])])


@contextmanager
def plain_http() -> Iterator[str]:
    """HTTP without TLS on a port that was agreed to be https."""
    with Loopback() as loopback, loopback.serve(same(200)) as served:
        yield f"https://127.0.0.1:{served.port}"


@contextmanager
def unknown_authority() -> Iterator[str]:
    """TLS by the book, from an authority that nobody agreed on."""
    context = CertificateAuthority.create().issue().server_context()
    with Loopback() as loopback, loopback.serve(same(200), context=context) as served:
        yield served.url
