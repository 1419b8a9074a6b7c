"""Servers come and go in milliseconds and leave nothing behind."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.serving.loopback import Loopback


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_starts_and_stops_without_leaving_threads_tasks_or_descriptors() -> None:
    threads = threading.active_count()
    descriptors = open_descriptors()
    with Loopback() as loopback, httpx.Client(trust_env=False) as client:
        loopback.serve(APP).close()
        before = open_descriptors()
        for _ in range(50):
            with loopback.serve(APP) as served:
                assert client.get(served.url).text == "hello"
        client.close()
        assert open_descriptors() <= before
    assert threading.active_count() == threads
    assert open_descriptors() <= descriptors


def test_a_busy_port_is_told_of() -> None:
    with Loopback() as loopback:
        served = loopback.serve(APP)
        with pytest.raises(OSError, match="in use"):
            loopback.serve(APP, port=served.port)


def test_a_port_can_be_taken_again_at_once() -> None:
    with Loopback() as loopback, httpx.Client(trust_env=False) as client:
        served = loopback.serve(APP)
        client.get(served.url)
        served.close()
        served.close()
        again = loopback.serve(APP, port=served.port)
        assert client.get(again.url).text == "hello"


def test_serves_tls_with_the_context_it_is_given() -> None:
    authority = CertificateAuthority.create()
    with Loopback() as loopback:
        served = loopback.serve(APP, context=authority.issue().server_context())
        trusting = ssl.create_default_context(cadata=authority.anchor_pem.decode())
        with httpx.Client(verify=trusting, trust_env=False) as client:
            assert served.url.startswith("https://127.0.0.1:")
            assert client.get(served.url).text == "hello"
            assert client.get(f"https://localhost:{served.port}").text == "hello"


def test_open_and_half_open_connections_do_not_hold_up_a_stop() -> None:
    authority = CertificateAuthority.create()
    with Loopback() as loopback:
        served = loopback.serve(APP, context=authority.issue().server_context())
        with socket.create_connection((served.host, served.port)):
            start = time.monotonic()
            served.close()
        assert time.monotonic() - start < 2


def test_an_answer_in_progress_is_cut_by_a_stop() -> None:
    entered = threading.Event()

    async def stall(request: Request) -> Response:
        entered.set()
        await asyncio.sleep(60)
        return PlainTextResponse("too late")

    with Loopback() as loopback:
        served = loopback.serve(Starlette(routes=[Route("/", stall)]))
        with socket.create_connection((served.host, served.port)) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert entered.wait(5)
            served.close()
            peer.settimeout(5)
            with contextlib.suppress(ConnectionResetError):
                assert b"too late" not in peer.recv(4096)


def test_small_answers_are_not_held_back_by_nagle() -> None:
    with Loopback() as loopback, httpx.Client(trust_env=False) as client:
        served = loopback.serve(APP)
        client.get(served.url)
        start = time.monotonic()
        for _ in range(25):
            client.get(served.url)
        # with Nagle and delayed acknowledgement each exchange takes 40 ms, a second in all
        assert time.monotonic() - start < 0.9


def test_stopping_from_within_an_answer_is_refused() -> None:
    with Loopback() as loopback:

        async def suicide(request: Request) -> Response:
            with pytest.raises(RuntimeError, match="from within"):
                loopback.serve(APP)
            return PlainTextResponse("refused")

        served = loopback.serve(Starlette(routes=[Route("/", suicide)]))
        assert httpx.get(served.url, trust_env=False).text == "refused"


def test_a_stop_amid_arriving_connections_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with Loopback() as loopback:
        for _ in range(50):
            served = loopback.serve(APP)
            with socket.create_connection((served.host, served.port)):
                served.close()
    assert not caplog.records
