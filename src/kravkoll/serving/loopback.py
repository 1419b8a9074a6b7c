"""Many small HTTP servers on one event loop: what the city and the simulated systems answer on."""

import asyncio
import logging
import os
import socket
import ssl
import tempfile
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

KEEP_ALIVE_SECONDS = 75
"""Longer than any pause between two requests of one check, so that no pooled connection dies of age."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """One listening server; `url` has no trailing slash."""

    url: str
    host: str
    port: int
    _loopback: "Loopback" = field(repr=False, compare=False)
    _server: asyncio.Server = field(repr=False, compare=False)
    _state: ServerState = field(repr=False, compare=False)

    def close(self) -> None:
        """Stop listening and cut what is open; a second call does nothing."""
        self._loopback.stop(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Loopback:
    """One daemon thread with one event loop that serves any number of ASGI applications.

    uvicorn's own `Server` sleeps 0.1 s at start and at stop; its protocol is driven here without it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_note_exception)
        self._open: list[Served] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback", daemon=True)
        self._thread.start()

    def serve(
        self,
        app: ASGIApp,
        *,
        context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "",
    ) -> Served:
        """Answer with `app` once this returns; raises OSError if the port is busy.

        `name` stands in the url where others call this machine something else than `host`.
        """
        listener = listening(host, port)
        try:
            served = self._run(self._listen(app, context, listener, name))
        except BaseException:
            listener.close()
            raise
        self._open.append(served)
        return served

    def stop(self, served: Served) -> None:
        if served in self._open:
            self._open.remove(served)
            self._run(_shut(served))

    def close(self) -> None:
        """Stop every server and end the thread."""
        if self._loop.is_closed():
            return
        for served in tuple(self._open):
            self.stop(served)
        self._run(self._loop.shutdown_asyncgens())
        self._run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("a server cannot be started or stopped from within an answer")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(
        self, app: ASGIApp, context: ssl.SSLContext | None, listener: socket.socket, name: str
    ) -> Served:
        config = _configuration(app)
        state = ServerState()
        state.default_headers = config.encoded_headers

        def protocol() -> H11Protocol:
            return H11Protocol(config=config, server_state=state, app_state={}, _loop=self._loop)

        server = await self._loop.create_server(protocol, sock=listener, ssl=context)
        host, port = listener.getsockname()[:2]
        shown = f"[{called}]" if ":" in (called := name or host) else called
        return Served(f"{'https' if context else 'http'}://{shown}:{port}", host, port, self, server, state)


def server_context(chain: bytes, key: bytes) -> ssl.SSLContext:
    """A server's TLS context from PEM bytes, as OpenSSL's defaults have it; SSLError if they do not match."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # the ssl module reads files only; mode 0600, and closed because Windows opens no file twice
    with tempfile.NamedTemporaryFile(suffix=".pem", delete_on_close=False) as both:
        both.write(chain + b"\n" + key)
        both.close()
        context.load_cert_chain(both.name)
    return context


def _configuration(app: ASGIApp) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=H11Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",  # a broken application is told of; a peer that speaks garbage is not
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    config.load()
    return config


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections there; OSError where the port is taken or the address no good."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle off only where the protocol number says TCP: 40 s against 4.5 s for a proof
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two programs have the same port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


async def _shut(served: Served) -> None:
    server, state = served._server, served._state  # noqa: SLF001  the two halves of one thing
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    await asyncio.sleep(
        0
    )  # a connection just accepted becomes known to the server, and is cut with the others
    server.close()
    for task in tuple(state.tasks):
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)
    server.abort_clients()
    await server.wait_closed()


def _note_exception(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Broken handshakes are what probes cause on purpose; anything else is worth reading."""
    exception = context.get("exception")
    level = logging.DEBUG if isinstance(exception, (ssl.SSLError, OSError)) else logging.ERROR
    _log.log(level, context.get("message"), exc_info=exception)
