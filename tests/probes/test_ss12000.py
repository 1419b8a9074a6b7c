"""The reader: pages, filters, bounds, and what it says when it cannot see."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.probes.small_register import SmallRegister, identity

from kravkoll.probes.ss12000 import Exchange, Ss12000, UnusableAnswer
from kravkoll.record.outcome import Inconclusive
from kravkoll.serving.loopback import Loopback


@pytest.fixture
def reading() -> Iterator[Callable[..., Ss12000]]:
    with Loopback() as loopback:
        opened: list[Ss12000] = []

        def read(register: SmallRegister, most_pages: int = 50) -> Ss12000:
            opened.append(Ss12000(loopback.serve(register.app()).url, "token", most_pages=most_pages))
            return opened[-1]

        yield read
        for api in opened:
            api.close()


def test_walks_all_pages_with_filters_on_the_first_only(reading: Callable[..., Ss12000]) -> None:
    register = SmallRegister()
    api = reading(register)
    walk = api.explore("placements", limit=1, organisation=identity(1, 0))
    assert walk.ids[0] == identity(3, 0)
    assert not walk.endless
    assert "organisation=" in register.asked[0]
    assert all("organisation=" not in url and "limit=1" in url for url in register.asked[1:])


def test_dotted_and_repeated_parameters(reading: Callable[..., Ss12000]) -> None:
    register = SmallRegister()
    reading(register).walk(
        "organisations", where={"meta.modified.after": "2020-01-01T00:00:00Z"}, schoolTypes=["FS", "GR"]
    )
    assert "meta.modified.after=2020-01-01T00%3A00%3A00Z&schoolTypes=FS&schoolTypes=GR" in register.asked[0]


def test_a_token_that_comes_back_ends_the_walk_and_is_told(reading: Callable[..., Ss12000]) -> None:
    api = reading(SmallRegister("endless"))
    assert api.explore("organisations", limit=2).endless
    with pytest.raises(Inconclusive, match=r"subject\.endless"):
        api.walk("organisations", limit=2)


def test_pages_are_bounded(reading: Callable[..., Ss12000]) -> None:
    walk = reading(SmallRegister(), most_pages=3).explore("organisations", limit=1)
    assert (len(walk.pages), walk.endless) == (3, True)


def test_get_lookup_and_deleted(reading: Callable[..., Ss12000]) -> None:
    api = reading(SmallRegister())
    assert api.get("persons", identity(2, 1)) == SmallRegister().held["persons"][1]
    assert api.get("persons", identity(2, 77)) is None
    assert [row["id"] for row in api.lookup("persons", [identity(2, 3)])] == [identity(2, 3)]
    assert api.deleted_entities() == {"persons": [identity(2, 99)]}


def test_exchanges_are_kept_without_the_token(reading: Callable[..., Ss12000]) -> None:
    api = reading(SmallRegister())
    api.walk("groups")
    assert [(one.method, one.status) for one in api.exchanges] == [("GET", 200)]
    assert "token" not in str(api.exchanges[0])
    assert isinstance(api.exchanges[0], Exchange)


@pytest.mark.parametrize(
    ("defect", "code"),
    [("refuses", "subject.refused"), ("html", "subject.garbage"), ("empty", "subject.garbage")],
)
def test_unusable_answers_are_inconclusive_and_kept(
    reading: Callable[..., Ss12000], defect: str, code: str
) -> None:
    with pytest.raises(UnusableAnswer) as caught:
        reading(SmallRegister(defect)).walk("persons")
    assert caught.value.reason.code == code
    assert caught.value.answer.exchange.url.endswith("/persons")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Ss12000(f"http://127.0.0.1:{port}", None) as api, pytest.raises(Inconclusive) as caught:
        api.walk("persons")
    assert caught.value.reason.code == "subject.unreachable"


@pytest.mark.parametrize(
    ("scheme", "says", "code"),
    [
        ("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", "transport.no-tls"),
        ("http", b"", "subject.reset"),
        ("http", None, "subject.timeout"),
    ],
)
def test_what_a_broken_peer_is_called(scheme: str, says: bytes | None, code: str) -> None:
    """A peer that speaks no TLS, one that hangs up, one that is silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(4096)
                if says is None:
                    done.wait(5)
                else:
                    peer.sendall(says)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        with Ss12000(url, None, timeout=0.3) as api, pytest.raises(Inconclusive) as caught:
            api.walk("persons")
        done.set()
        thread.join()
    assert caught.value.reason.code == code


def test_an_oversized_answer_is_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    async def large(_request: Request) -> Response:
        return JSONResponse({"data": [{"id": "x" * 5000}]})

    monkeypatch.setattr("kravkoll.probes.ss12000.MOST_BYTES", 1000)
    with Loopback() as loopback:
        url = loopback.serve(Starlette(routes=[Route("/persons", large)])).url
        with Ss12000(url, None) as api, pytest.raises(Inconclusive, match=r"subject\.garbage"):
            api.walk("persons")
