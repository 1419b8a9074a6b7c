"""What the TLS examination sees of servers of every age, and of those that are none."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.probes.tls_servers import (
    DAY,
    NOW,
    Authority,
    Serve,
    closes,
    context,
    free_port,
    hangs,
    listening,
    resets,
    s_server,
    says,
    tls_server,
    tlslite_server,
    unlike_for,
    write_pair,
)

from kravkoll.probes.tls import TlsObservation, examine_tls
from kravkoll.record.outcome import Inconclusive

V = ssl.TLSVersion
type Pair = tuple[Path, Path]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def pair(authority: Authority, tmp_path: Path) -> Pair:
    return write_pair(tmp_path, authority)


def look(
    serve: Serve, authority: Authority, *, seconds: float = 3, host: str = "127.0.0.1"
) -> TlsObservation:
    with listening(serve, host) as (port, _):
        return examine_tls(host, port, trust=authority.trust, seconds=seconds)


def modern(pair: Pair) -> Serve:
    return tls_server(context(pair, V.TLSv1_2, V.TLSv1_3))


@pytest.mark.parametrize(
    ("lowest", "highest", "accepted"),
    [
        (V.TLSv1_3, V.TLSv1_3, ("TLS 1.3",)),
        (V.TLSv1_2, V.TLSv1_3, ("TLS 1.2", "TLS 1.3")),
        (V.TLSv1_2, V.TLSv1_2, ("TLS 1.2",)),
        (V.TLSv1, V.TLSv1_3, ("TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3")),
        (V.TLSv1, V.TLSv1_1, ("TLS 1.0", "TLS 1.1")),
        (V.TLSv1_1, V.TLSv1_1, ("TLS 1.1",)),
        (V.TLSv1, V.TLSv1, ("TLS 1.0",)),
    ],
)
def test_each_version_is_seen(
    authority: Authority, pair: Pair, lowest: V, highest: V, accepted: tuple[str, ...]
) -> None:
    seen = look(tls_server(context(pair, lowest, highest)), authority)
    assert seen.accepted_versions == accepted
    assert seen.unseen_versions == ()
    assert seen.negotiated_version == accepted[-1]
    assert seen.problems == ()
    assert [c.subject for c in seen.certificates] == ["CN=server", "CN=Test issuer"]


@pytest.mark.parametrize(
    ("lowest", "highest", "accepted"),
    [
        ((3, 0), (3, 0), ("SSL 3.0",)),
        ((3, 0), (3, 1), ("SSL 3.0", "TLS 1.0")),
        ((3, 1), (3, 2), ("TLS 1.0", "TLS 1.1")),
        ((3, 3), (3, 4), ("TLS 1.2", "TLS 1.3")),
    ],
)
def test_another_library_is_seen_alike(
    authority: Authority,
    pair: Pair,
    lowest: tuple[int, int],
    highest: tuple[int, int],
    accepted: tuple[str, ...],
) -> None:
    seen = look(tlslite_server(pair, lowest, highest), authority)
    assert seen.accepted_versions == accepted
    assert seen.unseen_versions == ()


def test_connections_stay_within_the_budget(authority: Authority, pair: Pair) -> None:
    for lowest, budget in ((V.TLSv1_3, 8), (V.TLSv1_2, 11)):
        with listening(tls_server(context(pair, lowest, V.TLSv1_3))) as (port, counted):
            seen = examine_tls("127.0.0.1", port, trust=authority.trust)
            assert len(counted) == seen.connections <= budget


def test_ipv6_and_names(authority: Authority, pair: Pair) -> None:
    assert look(modern(pair), authority, host="::1").problems == ()
    with listening(modern(pair)) as (port, _):
        seen = examine_tls("localhost", port, trust=authority.trust, seconds=3)
    assert seen.problems == ()
    assert seen.address == "127.0.0.1"


def test_the_server_name_is_sent(authority: Authority, pair: Pair) -> None:
    names: list[str | None] = []
    made = context(pair, V.TLSv1_2, V.TLSv1_3)

    def note(_socket: object, name: str | None, _context: object) -> None:
        names.append(name)

    made.sni_callback = note
    with listening(tls_server(made)) as (port, _):
        seen = examine_tls("localhost", port, trust=authority.trust, seconds=3)
    assert set(names) == {"localhost"}
    assert len(names) >= 4  # both ordinary handshakes, and the first flights that were answered
    assert seen.accepted_versions == ("TLS 1.2", "TLS 1.3")


@pytest.mark.parametrize(
    ("chain", "kinds"),
    [
        (lambda a: (a.leaf(ends=NOW - DAY), a.issuer), {"expired"}),
        (lambda a: (a.leaf(starts=NOW + DAY), a.issuer), {"not-yet-valid"}),
        (lambda a: (a.self_signed(),), {"self-signed"}),
        (lambda a: (a.leaf(names=("other.invalid",)), a.issuer), {"wrong-name"}),
        (lambda a: (a.leaf(names=()), a.issuer), {"no-names"}),
        (lambda a: (a.leaf(issuer_at="http://ca.invalid/issuer.cer"),), {"incomplete-chain"}),
        (lambda a: (a.leaf(),), {"untrusted-issuer"}),
        (lambda a: (a.leaf(purpose=ExtendedKeyUsageOID.CLIENT_AUTH), a.issuer), {"wrong-purpose"}),
        (lambda a: (a.leaf(ends=NOW - DAY, names=("other.invalid",)), a.issuer), {"expired", "wrong-name"}),
    ],
)
def test_every_fault_of_a_certificate_is_told_apart(
    authority: Authority, tmp_path: Path, chain: object, kinds: set[str]
) -> None:
    assert callable(chain)
    made = context(write_pair(tmp_path, authority, *chain(authority)), V.TLSv1, V.TLSv1_3)
    seen = look(tls_server(made), authority)
    assert {problem.kind for problem in seen.problems} == kinds
    assert "TLS 1.0" in seen.accepted_versions  # a broken certificate hides nothing else


def test_an_authority_of_the_same_name_is_not_trusted(authority: Authority, pair: Pair) -> None:
    seen = look(modern(pair), Authority())
    assert [problem.kind for problem in seen.problems] == ["untrusted-issuer"]


def test_the_platform_is_trusted_when_asked(
    authority: Authority, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "platform.pem").write_bytes(authority.trust)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "platform.pem"))
    with listening(modern(pair)) as (port, counted):
        assert examine_tls("127.0.0.1", port, trust=b"").problems
        assert not examine_tls("127.0.0.1", port, trust=b"", platform_trust=True).problems
    assert len(counted) == 14


def test_a_server_that_demands_a_certificate_of_ours_shows_its_own(authority: Authority, pair: Pair) -> None:
    for highest in (V.TLSv1_2, V.TLSv1_3):
        made = context(pair, V.TLSv1_2, highest)
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(cadata=authority.trust.decode())
        seen = look(tls_server(made), authority)
        assert [c.subject for c in seen.certificates] == ["CN=server", "CN=Test issuer"]
        assert "TLS 1.2" in seen.accepted_versions
        assert seen.problems == ()


@pytest.mark.parametrize("options", [("-tls1_2",), ("-tls1_3",), ("-no_tls1_3",)])
def test_a_single_threaded_server_is_not_stalled(
    authority: Authority, pair: Pair, options: tuple[str, ...]
) -> None:
    with s_server(pair, *options) as port:
        started = time.monotonic()
        seen = examine_tls("127.0.0.1", port, trust=authority.trust, seconds=5)
    assert seen.accepted_versions == (("TLS 1.3",) if "-tls1_3" in options else ("TLS 1.2",))
    assert seen.unseen_versions == ()
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("manner", [closes, resets])
def test_a_close_between_handshakes_that_work_is_a_refusal(
    authority: Authority, pair: Pair, manner: Serve
) -> None:
    seen = look(unlike_for(manner, modern(pair)), authority)
    assert seen.accepted_versions == ("TLS 1.2", "TLS 1.3")
    assert seen.unseen_versions == ()


@pytest.mark.parametrize("manner", [hangs, says(b"what?\r\n"), says(b"\x16\x03\x01")])
def test_silence_and_noise_are_no_refusal(authority: Authority, pair: Pair, manner: Serve) -> None:
    seen = look(unlike_for(manner, modern(pair)), authority, seconds=0.5)
    assert seen.accepted_versions == ("TLS 1.2", "TLS 1.3")
    assert seen.unseen_versions == ("SSL 3.0", "TLS 1.0", "TLS 1.1")


def test_a_version_that_was_not_on_offer_is_no_acceptance(authority: Authority, pair: Pair) -> None:
    hello = b"\x03\x03" + bytes(32) + b"\x00\xc0\x2f\x00"
    handshake = b"\x02" + len(hello).to_bytes(3) + hello
    answer = b"\x16\x03\x03" + len(handshake).to_bytes(2) + handshake
    seen = look(unlike_for(says(answer), modern(pair)), authority)
    assert seen.unseen_versions == ("SSL 3.0", "TLS 1.0", "TLS 1.1")


def test_a_warning_does_not_end_the_look(authority: Authority, pair: Pair) -> None:
    warning = b"\x15\x03\x01\x00\x02\x01\x70"
    made = tls_server(context(pair, V.TLSv1, V.TLSv1_3))

    def warns(connection: socket.socket) -> None:
        connection.sendall(warning)
        made(connection)

    assert "TLS 1.0" in look(unlike_for(warns, made), authority).accepted_versions


@pytest.mark.parametrize(
    ("manner", "code"),
    [
        (closes, "subject.reset"),
        (resets, "subject.reset"),
        (hangs, "subject.timeout"),
        (says(b"220 mail.invalid ready\r\n"), "subject.garbage"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "transport.no-tls"),
        (says(b"\x15\x03\x03\x00\x02\x02\x28"), "tls.handshake-refused"),
    ],
)
def test_what_is_no_tls_is_never_judged(authority: Authority, manner: Serve, code: str) -> None:
    with pytest.raises(Inconclusive) as caught:
        look(manner, authority, seconds=0.5)
    assert caught.value.reason.code == code


def test_a_web_server_that_chokes_on_a_hello_is_known_by_its_answer_to_http(authority: Authority) -> None:
    def serve(connection: socket.socket) -> None:
        if connection.recv(4096).startswith(b"GET "):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with pytest.raises(Inconclusive) as caught:
        look(serve, authority)
    assert caught.value.reason.code == "transport.no-tls"


def test_nobody_there(authority: Authority) -> None:
    for host in ("127.0.0.1", "host.invalid"):
        with pytest.raises(Inconclusive) as caught:
            examine_tls(host, free_port(), trust=authority.trust, seconds=1)
        assert caught.value.reason.code == "subject.unreachable"


def test_a_server_that_dies_underway_is_not_judged(authority: Authority, pair: Pair) -> None:
    honest, seen = modern(pair), []

    def serve(connection: socket.socket) -> None:
        seen.append(1)
        (honest if len(seen) == 1 else closes)(connection)

    with pytest.raises(Inconclusive) as caught:
        look(serve, authority)
    assert caught.value.reason.code == "subject.broke"


def test_a_server_that_drips_is_left_at_the_deadline(authority: Authority) -> None:
    leave = threading.Event()

    def drips(connection: socket.socket) -> None:
        connection.recv(4096)
        while not leave.wait(0.1):
            connection.sendall(b"\x16")

    started = time.monotonic()
    with pytest.raises(Inconclusive):
        look(drips, authority, seconds=0.5)
    leave.set()
    assert time.monotonic() - started < 8 * 0.5 + 3


def test_no_descriptor_is_left_behind(authority: Authority, pair: Pair) -> None:
    descriptors = Path("/proc/self/fd")
    with listening(modern(pair)) as (port, _):
        examine_tls("127.0.0.1", port, trust=authority.trust)
        before = len(list(descriptors.iterdir()))
        examine_tls("127.0.0.1", port, trust=authority.trust)
        assert len(list(descriptors.iterdir())) == before


def test_a_refusal_of_our_own_system_is_not_the_subjects(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        examine_tls("127.0.0.1", 1, trust=authority.trust)
