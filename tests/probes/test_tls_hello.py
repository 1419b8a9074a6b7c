"""First flights by hand: what is sent is well formed, and no answer can surprise the reader."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlslite.messages import ClientHello  # type: ignore[import-untyped]
from tlslite.utils.codec import Parser  # type: ignore[import-untyped]

from kravkoll.probes.tls_hello import (
    AWKWARD_LENGTHS,
    RETRY_RANDOM,
    VERSIONS,
    Alert,
    MalformedAnswerError,
    ServerHello,
    client_hello,
    read_answer,
)


def server_hello(version: int = 0x0303, random: bytes = bytes(32), extensions: bytes = b"") -> bytes:
    body = version.to_bytes(2) + random + b"\x00" + b"\xc0\x2f" + b"\x00"
    body += len(extensions).to_bytes(2) + extensions if extensions else b""
    return record(b"\x02" + len(body).to_bytes(3) + body)


def record(body: bytes, kind: int = 22) -> bytes:
    return bytes([kind]) + b"\x03\x03" + len(body).to_bytes(2) + body


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [None, "skola.example", "räksmörgås.example", "a" * 60 + ".example"])
def test_another_library_reads_our_hello(version: int, name: str | None) -> None:
    octets = client_hello(version, name)
    assert octets[0] == 22
    assert int.from_bytes(octets[3:5]) == len(octets) - 5
    assert len(octets) - 5 not in AWKWARD_LENGTHS or version == 0x0300
    hello = ClientHello().parse(Parser(bytearray(octets[6:])))
    assert hello.client_version == divmod(min(version, 0x0303), 256)
    if version == 0x0304:
        assert hello.getExtension(43).versions == [(3, 4)]
    if name and version > 0x0300:
        assert hello.server_name.decode() == name.encode("idna").decode()


def test_versions_and_retries_are_read() -> None:
    tls13 = b"\x00\x2b\x00\x02\x03\x04"
    assert read_answer(server_hello(0x0301)) == ServerHello(0x0301, 0xC02F)
    assert read_answer(server_hello(extensions=tls13)) == ServerHello(0x0304, 0xC02F)
    assert read_answer(server_hello(random=RETRY_RANDOM, extensions=tls13)) == ServerHello(
        0x0304, 0xC02F, True
    )


def test_alerts_are_read_and_warnings_passed_over() -> None:
    warning, fatal = record(b"\x01\x70", 21), record(b"\x02\x46", 21)
    assert read_answer(fatal) == Alert(2, 70)
    assert str(Alert(2, 70)) == "protocol_version"
    assert read_answer(warning) is None
    assert read_answer(warning + fatal) == Alert(2, 70)
    assert read_answer(warning + server_hello()) == ServerHello(0x0303, 0xC02F)
    assert read_answer(record(b"\x01\x00", 21)) == Alert(1, 0)


def test_a_hello_in_many_records_is_one_hello() -> None:
    whole = server_hello()[5:]
    assert read_answer(b"".join(record(whole[at : at + 7]) for at in range(0, len(whole), 7)))


@given(st.integers(0, len(server_hello()) - 1))
def test_half_an_answer_is_none_yet(length: int) -> None:
    assert read_answer(server_hello()[:length]) is None


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x16\x02\x00",
        b"\x16\x03\x03\xff\xff",
        record(b"\x01\x00\x00\x00"),
        record(b"\x02\x00\x00\x02\x03\x03"),
        record(b"\x02", 21),
        server_hello(extensions=b"\x00\x2b\x00\x09\x03\x04"),
    ],
)
def test_noise_is_told_from_answers(octets: bytes) -> None:
    with pytest.raises(MalformedAnswerError):
        read_answer(octets)


@given(
    st.one_of(
        st.binary(), st.binary().map(record), st.binary().map(lambda b: record(b"\x02\x00\x00\x30" + b))
    )
)
def test_nothing_that_comes_can_surprise(octets: bytes) -> None:
    with contextlib.suppress(MalformedAnswerError):
        assert isinstance(read_answer(octets), ServerHello | Alert | None)
