"""The city at a name and a certificate of its own, and what one process registers another one knows."""

import json
import ssl
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from kravkoll.checks.subject import verifying_context
from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.city.city import City
from kravkoll.city.client_authentication import ASSERTION_TYPE
from kravkoll.city.doors import STEADY, Doors, PortTaken
from kravkoll.serving.loopback import Loopback

NOBODY: Any = SimpleNamespace(people={})
SP = (
    '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{0}"><SPSSODescriptor '
    'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><AssertionConsumerService '
    'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{0}/acs" index="0"/>'
    "</SPSSODescriptor></EntityDescriptor>"
)


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


def test_every_address_carries_the_public_name_and_a_certificate_for_it(
    loopback: Loopback, tmp_path: Path
) -> None:
    with City.start(loopback, tmp_path, NOBODY, "test", Doors(public_name="localhost")) as city:
        issuer = city.authorisation_server.issuer
        assert urllib.parse.urlsplit(issuer).hostname == "localhost"
        context = verifying_context(city.ca.anchor_pem)
        shown = httpx.get(city.identity_provider.metadata_url, verify=context, trust_env=False).text
        assert "https://localhost:" in shown
        assert "127.0.0.1" not in shown


def test_a_certificate_of_the_citys_own_is_shown(loopback: Loopback, tmp_path: Path) -> None:
    elsewhere = CertificateAuthority.create("Somebody else")
    doors = Doors(public_name="localhost", certificate=elsewhere.issue(("localhost",)))
    with City.start(loopback, tmp_path, NOBODY, "test", doors) as city:
        url = city.identity_provider.metadata_url
        context = verifying_context(elsewhere.anchor_pem)
        assert httpx.get(url, verify=context, trust_env=False).is_success
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, verify=verifying_context(city.ca.anchor_pem), trust_env=False)


def test_ports_can_be_told_and_the_entity_id_stays_when_the_name_changes(
    loopback: Loopback, tmp_path: Path
) -> None:
    with City.start(loopback, tmp_path, NOBODY) as city:
        entity_id, ports = (
            city.identity_provider.entity_id,
            Doors(ports={"authorisation-server": _free(loopback)}),
        )
    with City.start(loopback, tmp_path, NOBODY, "test", ports) as city:
        assert city.authorisation_server.issuer.endswith(f":{ports.ports['authorisation-server']}")
        assert city.identity_provider.entity_id == entity_id


def test_a_taken_port_names_the_party(loopback: Loopback, tmp_path: Path) -> None:
    with City.start(loopback, tmp_path, NOBODY), pytest.raises(PortTaken) as taken:
        City.start(loopback, tmp_path, NOBODY)
    assert taken.value.party == "authorisation-server"


def test_the_kept_city_tells_the_addresses_of_the_running_one(loopback: Loopback, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="never started"):
        City.kept(tmp_path, NOBODY, "test")
    with City.start(loopback, tmp_path, NOBODY) as running:
        kept = City.kept(tmp_path, NOBODY, "test")
        assert kept.authorisation_server.metadata() == running.authorisation_server.metadata()
        assert kept.authorisation_server.public_keys() == running.authorisation_server.public_keys()
        assert kept.identity_provider.sso_url == running.identity_provider.sso_url
        assert kept.ca.anchor_pem == running.ca.anchor_pem
        kept.close()


def test_what_another_process_registers_is_known_at_once(loopback: Loopback, tmp_path: Path) -> None:
    with City.start(loopback, tmp_path, NOBODY) as running:
        other = City.kept(tmp_path, NOBODY, "test")
        other.identity_provider.register_service_provider(SP.format("https://new.invalid").encode())
        known = running.identity_provider.service_provider("https://new.invalid")
        assert known is not None
        assert known.consumer_service(None, None) == "https://new.invalid/acs"
        assert running.identity_provider.service_provider("https://other.invalid") is None
        other.authorisation_server.register_client("new", scope="a", audiences=("urn:x",))
        client = running.authorisation_server.client("new")
        assert client is not None
        assert (client.scope, client.audiences) == ("a", ("urn:x",))


@pytest.mark.parametrize("length", [10, 900])
def test_an_entity_id_of_any_length_can_be_kept(loopback: Loopback, tmp_path: Path, length: int) -> None:
    name = f"https://{'x' * length}.invalid"
    with City.start(loopback, tmp_path, NOBODY) as city:
        city.identity_provider.register_service_provider(SP.format(name).encode())
        assert city.identity_provider.service_provider(name) is not None


class TestClientWithAKeyOfItsOwn:
    def test_its_assertion_is_believed_and_nothing_secret_is_made(
        self, loopback: Loopback, tmp_path: Path
    ) -> None:
        old, new = ECKey.generate_key("P-256", auto_kid=True), RSAKey.generate_key(2048, auto_kid=True)
        keys = KeySet([old, new]).as_dict(private=False)
        with City.start(loopback, tmp_path, NOBODY) as city:
            city.authorisation_server.register_client("own", audiences=("urn:x",), public_keys=keys)
            assert [path.suffix for path in (tmp_path / "clients").iterdir()] == [".json"]
            assert self._ask(city, {"alg": "ES256", "kid": old.kid}, old).is_success
            assert self._ask(city, {"alg": "PS256", "kid": new.kid}, new).is_success
            assert self._ask(city, {"alg": "ES256"}, old).is_success
            foreign = ECKey.generate_key("P-256", auto_kid=True)
            assert self._ask(city, {"alg": "ES256", "kid": old.kid}, foreign).status_code == 401
            assert self._ask(city, {"alg": "ES256", "kid": foreign.kid}, foreign).status_code == 401

    def test_it_has_no_secret_that_could_be_empty(self, loopback: Loopback, tmp_path: Path) -> None:
        keys = KeySet([ECKey.generate_key("P-256", auto_kid=True)]).as_dict(private=False)
        with City.start(loopback, tmp_path, NOBODY) as city:
            city.authorisation_server.register_client("own", audiences=("urn:x",), public_keys=keys)
            form = {"grant_type": "client_credentials"}
            answer = _post(city, form, auth=("own", ""))
            assert answer.status_code == 401

    def _ask(self, city: City, header: dict[str, Any], key: ECKey | RSAKey) -> httpx.Response:
        claims = {
            "iss": "own",
            "sub": "own",
            "aud": city.authorisation_server.issuer,
            "exp": int(time.time()) + 60,
            "jti": uuid.uuid4().hex,
        }
        signed = jwt.encode(header, claims, key, algorithms=["ES256", "PS256"])
        form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
        return _post(city, form | {"client_assertion": signed})


def _post(city: City, form: dict[str, str], auth: tuple[str, str] | None = None) -> httpx.Response:
    context: ssl.SSLContext = verifying_context(city.ca.anchor_pem)
    url = f"{city.authorisation_server.issuer}/token"
    return httpx.post(url, data=form, auth=auth, verify=context, trust_env=False)


def _free(loopback: Loopback) -> int:
    with loopback.serve(lambda *_: None) as served:  # type: ignore[arg-type]  # nobody asks it anything
        return served.port


def test_nothing_of_a_client_is_stored_in_clear_but_its_own_files(tmp_path: Path) -> None:
    with Loopback() as own, City.start(own, tmp_path, NOBODY) as city:
        client = city.authorisation_server.register_client("c")
        facts = json.loads((tmp_path / "clients" / "c.json").read_text())
        assert client.secret not in json.dumps(facts)


def test_a_kept_port_is_none_that_a_connection_in_passing_could_take(
    loopback: Loopback, tmp_path: Path
) -> None:
    """Else a city could not start again while any program happens to call from that port."""
    with City.start(loopback, tmp_path, NOBODY) as city:
        issuer = urllib.parse.urlsplit(city.authorisation_server.issuer)
    assert issuer.port in STEADY
    assert STEADY.stop <= 32_768, "where Linux begins to hand ports out; others begin later"
