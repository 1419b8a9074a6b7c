"""One proxy process, many watchings: each sees its own exchanges and nobody else's."""

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.city.interception import (
    Capture,
    Interception,
    InterceptionFailed,
    _ready,
    _see_certificate,
    end,
    warmed_up,
)
from kravkoll.serving.loopback import Loopback, Served


@pytest.fixture(scope="module")
def ca() -> CertificateAuthority:
    return CertificateAuthority.create()


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture(scope="module")
def interception(
    ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Interception]:
    with Interception.start(ca, tmp_path_factory.mktemp("interception")) as running:
        yield running


@pytest.fixture
def client(ca: CertificateAuthority) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cadata=ca.anchor_pem.decode())
    with httpx.Client(verify=context, trust_env=False, timeout=10) as running:
        yield running


def serve(name: str, loopback: Loopback, ca: CertificateAuthority) -> Served:
    async def answer(request: Request) -> JSONResponse:
        body = (await request.body()).decode()
        return JSONResponse({"data": [{"id": name, "path": request.url.path, "body": body}]})

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    return loopback.serve(app, context=ca.issue().server_context())


def test_writes_down_what_went_both_ways(
    interception: Interception, loopback: Loopback, ca: CertificateAuthority, client: httpx.Client
) -> None:
    with (
        serve("one", loopback, ca) as upstream,
        interception.watch("ber", upstream.url, ca.anchor_pem) as capture,
    ):
        client.get(
            f"{interception.door('ber')}/persons?limit=2&limit=3", headers={"Authorization": "Bearer secret"}
        )
        client.post(f"{interception.door('ber')}/persons/lookup", json={"ids": ["a"]})
        listed, lookup = capture.exchanges
    assert (listed.method, listed.path, listed.status) == ("GET", "/persons", 200)
    assert listed.query == (("limit", "2"), ("limit", "3"))
    assert [record["id"] for record in listed.records()] == ["one"]
    assert lookup.request == {"ids": ["a"]}
    headers = {name.lower(): value for name, value in listed.request_headers}
    assert headers["authorization"] == "(masked)"
    assert "secret" not in capture.file.read_text()


def test_one_process_serves_many_upstreams_over_one_connection(
    interception: Interception, loopback: Loopback, ca: CertificateAuthority, client: httpx.Client
) -> None:
    for name in ("a", "b", "c"):
        with serve(name, loopback, ca) as upstream:
            with interception.watch("ber", upstream.url, ca.anchor_pem) as capture:
                client.get(f"{interception.door('ber')}/groups")
            assert [record["id"] for one in capture.exchanges for record in one.records()] == [name]


def test_keeps_the_base_path_of_the_upstream(
    interception: Interception, loopback: Loopback, ca: CertificateAuthority, client: httpx.Client
) -> None:
    with (
        serve("one", loopback, ca) as upstream,
        interception.watch("ber", f"{upstream.url}/v2", ca.anchor_pem) as capture,
    ):
        answer = client.get(f"{interception.door('ber')}/persons").json()
    assert answer["data"][0]["path"] == "/v2/persons"
    assert capture.exchanges[0].path == "/persons"


def test_outside_a_watching_the_usual_route_holds_and_nothing_is_written(
    interception: Interception, loopback: Loopback, ca: CertificateAuthority, client: httpx.Client
) -> None:
    with serve("usual", loopback, ca) as usual, serve("watched", loopback, ca) as watched:
        interception.lead_to("ber", usual.url, ca.anchor_pem)
        with interception.watch("ber", watched.url, ca.anchor_pem) as capture:
            client.get(f"{interception.door('ber')}/persons")
        assert client.get(f"{interception.door('ber')}/persons").json()["data"][0]["id"] == "usual"
    assert len(capture.exchanges) == 1


def test_each_door_leads_to_its_own_upstream(
    interception: Interception, loopback: Loopback, ca: CertificateAuthority, client: httpx.Client
) -> None:
    with serve("one", loopback, ca) as one, serve("two", loopback, ca) as two:
        doors = [
            interception.lead_to(served, upstream.url, ca.anchor_pem)
            for served, upstream in (("one", one), ("two", two))
        ]
        with interception.watch("two", two.url, ca.anchor_pem) as capture:
            answers = [client.get(f"{door}/persons").json() for door in doors]
        assert client.get(f"{interception.door('three')}/persons").status_code == 503
    assert [answer["data"][0]["id"] for answer in answers] == ["one", "two"]
    assert [record["id"] for seen in capture.exchanges for record in seen.records()] == ["two"]


def test_an_upstream_that_the_city_does_not_trust_is_not_called(
    interception: Interception, loopback: Loopback, ca: CertificateAuthority, client: httpx.Client
) -> None:
    foreign = CertificateAuthority.create()
    with (
        serve("foreign", loopback, foreign) as upstream,
        interception.watch("ber", upstream.url, ca.anchor_pem) as capture,
    ):
        assert client.get(f"{interception.door('ber')}/persons").status_code == 502
        assert [one.status for one in capture.exchanges] == [0]
        with interception.watch("ber", upstream.url, foreign.anchor_pem) as trusted:
            assert client.get(f"{interception.door('ber')}/persons").status_code == 200
    assert len(trusted.exchanges) == 1


def test_a_process_that_is_not_ours_is_not_taken_for_it(
    interception: Interception, ca: CertificateAuthority
) -> None:
    port = int(interception.url.rpartition(":")[2])
    with pytest.raises(InterceptionFailed, match="another process"):
        _see_certificate("127.0.0.1", port, ca.issue())


def test_a_start_that_fails_says_why(ca: CertificateAuthority, tmp_path: Path) -> None:
    with pytest.raises(InterceptionFailed, match=r"192\.0\.2\.1"):
        Interception.start(ca, tmp_path, host="192.0.2.1")


def test_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "from kravkoll.city.certificate_authority import CertificateAuthority\n"
        "from kravkoll.city.interception import Interception\n"
        "Interception.start(CertificateAuthority.create(), pathlib.Path(sys.argv[1]))\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    ready = _ready(tmp_path)
    assert ready
    for _ in range(200):
        if not Path(f"/proc/{ready['process']}").exists():
            return
        time.sleep(0.05)
    os.kill(ready["process"], 9)
    pytest.fail("the proxy outlived its parent")


def test_lines_being_written_are_not_read(tmp_path: Path) -> None:
    line = json.dumps({"method": "GET", "host": "h", "path": "/p"})
    (tmp_path / "x").write_text(line + "\n" + line[:5])
    assert len(Capture(tmp_path / "x").exchanges) == 1


def test_a_process_that_ended_before_its_orders_says_why(ca: CertificateAuthority, tmp_path: Path) -> None:
    warm = warmed_up()
    warm.kill()
    warm.wait()
    with pytest.raises(InterceptionFailed):
        Interception.start(ca, tmp_path, warm=warm)


def test_a_process_that_never_gets_orders_is_ended() -> None:
    warm = warmed_up()
    end(warm)
    assert warm.returncode is not None
    end(warm)
