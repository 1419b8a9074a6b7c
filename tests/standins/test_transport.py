import socket
import ssl
import warnings
from dataclasses import replace

import pytest

from kravkoll import standins
from kravkoll.city.certificate_authority import Variation
from kravkoll.standins import StandIn
from kravkoll.standins.installation import Doorway

from .conftest import House

MODERN = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}


def accepts(house: House, system: StandIn, version: ssl.TLSVersion) -> bool:
    context = house.trusting_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        with dial(system) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            secure.sendall(b"GET /v2.0/persons HTTP/1.1\r\nHost: x\r\n\r\n")
            return secure.recv(12) == b"HTTP/1.1 401"
    except (ssl.SSLError, ConnectionError):
        return False


def dial(system: StandIn) -> socket.socket:
    host, _, port = system.url.removeprefix("https://").partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def versions(house: House, system: StandIn) -> set[ssl.TLSVersion]:
    known = [*MODERN, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]
    return {version for version in known if accepts(house, system, version)}


def plaintext(system: StandIn) -> bytes:
    with dial(system) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            return plain.recv(12)
        except ConnectionError:
            return b""


def refusal(house: House, system: StandIn) -> str:
    with pytest.raises(ssl.SSLCertVerificationError) as refused, dial(system) as plain:
        house.trusting_context().wrap_socket(plain, server_hostname="127.0.0.1")
    return refused.value.verify_message


@pytest.mark.parametrize("name", ["ber", "tempus"])
def test_honest_transport(house: House, name: str) -> None:
    system = house.start(name)
    assert versions(house, system) == MODERN
    assert not plaintext(system).startswith(b"HTTP")


def test_legacy_versions(house: House) -> None:
    system = house.start("ber", "tls.tls10_11")
    assert versions(house, system) == MODERN | {ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1}


def test_no_tls13(house: House) -> None:
    assert versions(house, house.start("ber", "tls.no_tls13")) == {ssl.TLSVersion.TLSv1_2}


def test_plaintext_on_the_agreed_port(house: House) -> None:
    system = house.start("tempus", "tls.plaintext")
    assert plaintext(system).startswith(b"HTTP/1.1")
    assert house.http.get(f"{system.url}/saml/metadata").status_code == 200
    assert versions(house, system) == MODERN
    system.close()
    with pytest.raises(OSError, match=r"."):
        dial(system)


def test_a_lapsed_certificate(house: House) -> None:
    assert "self-signed" in refusal(house, house.start("ber", "tls.expired"))
    lapsed = house.city.ca.issue(variation=Variation.EXPIRED)
    system = house.start("ber", "tls.expired", lapsed_certificate=lapsed.chain_pem, key=lapsed.key_pem)
    assert refusal(house, system) == "certificate has expired"


def test_a_certificate_of_its_own_authority(house: House) -> None:
    message = refusal(house, house.start("ber", "tls.untrusted_ca"))
    assert "self-signed certificate in certificate chain" in message


def test_a_busy_port_is_said(house: House) -> None:
    system = standins.load(standins.packaged_mocks() / "ber.yaml")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        installation = replace(house.installation, doorway=Doorway(port=port))
        with pytest.raises(OSError, match="in use"):
            standins.start(system, installation, cast=house.cast, loopback=house.loopback)


def test_headers_of_every_answer(house: House, tempus: StandIn) -> None:
    answer = house.http.get(f"{tempus.url}/nowhere")
    assert answer.status_code == 404
    assert answer.headers["strict-transport-security"]
    assert answer.headers["x-content-type-options"] == "nosniff"
