"""The city's parts over HTTP, as a supplier's product sees them, and its memory between runs."""

import base64
import re
import time
import urllib.parse
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from lxml import etree
from signxml.verifier import XMLVerifier

from kravkoll.checks.subject import verifying_context
from kravkoll.city.city import City
from kravkoll.city.client_authentication import ASSERTION_TYPE
from kravkoll.city.saml_messages import MD, NAMESPACES, SamlRefusal
from kravkoll.city.sign_on import REFUSED
from kravkoll.city.state import CityState, state_of, throwaway
from kravkoll.serving.loopback import Loopback

ACS = "https://system.example.invalid/acs"
SP = "https://system.example.invalid/metadata"


@dataclass(frozen=True, slots=True)
class Somebody:
    id: str
    given_name: str
    family_name: str
    principal_name: str


@dataclass(frozen=True, slots=True)
class Company:
    people: Mapping[str, Somebody]


PEOPLE = {"guardian-a": Somebody("6f2c", "Åsa", "Öberg & Söner", "qx71@example.invalid")}


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture(scope="module")
def city(loopback: Loopback) -> Iterator[City]:
    with throwaway() as state, City.start(loopback, state, Company(PEOPLE)) as started:
        yield started


@pytest.fixture
def web(city: City) -> Iterator[httpx.Client]:
    with httpx.Client(verify=verifying_context(city.ca.anchor_pem), trust_env=False) as client:
        yield client


def service_provider_metadata(entity_id: str = SP, consumer: str = ACS) -> bytes:
    return (
        f'<EntityDescriptor xmlns="{MD}" entityID="{entity_id}"><SPSSODescriptor '
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><AssertionConsumerService '
        f'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{consumer}" index="3"/>'
        "</SPSSODescriptor></EntityDescriptor>"
    ).encode()


def authn_request(attributes: str = "", issuer: str = SP) -> str:
    document = (
        '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r1" Version="2.0" '
        f'IssueInstant="2026-01-01T00:00:00Z" {attributes}><saml:Issuer '
        f'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{issuer}</saml:Issuer></samlp:AuthnRequest>'
    )
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return base64.b64encode(deflater.compress(document.encode()) + deflater.flush()).decode()


def signed_part(document: bytes, certificate: str) -> etree._Element:
    """What the signature covers: the only part that may be believed."""
    result = XMLVerifier().verify(document, x509_cert=certificate)
    assert not isinstance(result, list)
    assert result.signed_xml is not None
    return result.signed_xml


class TestAuthorisationServer:
    def assertion(self, city: City, key_pem: bytes, **claims: Any) -> str:
        right = {
            "iss": "tempus",
            "sub": "tempus",
            "aud": city.authorisation_server.issuer,
            "exp": int(time.time()) + 60,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode({"alg": "ES256"}, right | claims, ECKey.import_key(key_pem))

    def ask(self, city: City, web: httpx.Client, assertion: str, **form: str) -> httpx.Response:
        data = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
            "resource": "urn:kravkoll:ber",
        }
        return web.post(f"{city.authorisation_server.issuer}/token", data=data | form)

    def test_a_token_by_private_key_verifies_against_the_published_keys(
        self, city: City, web: httpx.Client
    ) -> None:
        server = city.authorisation_server
        client = server.register_client("tempus", scope="ss12000.read", audiences=("urn:kravkoll:ber",))
        answer = self.ask(city, web, self.assertion(city, client.key_pem))
        assert answer.headers["cache-control"] == "no-store"
        metadata = web.get(f"{server.issuer}/.well-known/oauth-authorization-server").json()
        keys = KeySet.import_key_set(web.get(metadata["jwks_uri"]).json())
        token = jwt.decode(answer.json()["access_token"], keys, algorithms=["ES256"])
        assert metadata["issuer"] == token.claims["iss"]
        assert token.header["typ"] == "at+jwt"
        assert token.claims["aud"] == "urn:kravkoll:ber"
        assert token.claims["scope"] == "ss12000.read"
        assert set(token.claims) == {"iss", "sub", "client_id", "aud", "scope", "iat", "exp", "jti"}
        assert not [key for key in keys.as_dict()["keys"] if "d" in key]

    @pytest.mark.parametrize(
        ("claims", "form", "error"),
        [
            ({"aud": "https://elsewhere.invalid"}, {}, "invalid_client"),
            ({"exp": 1}, {}, "invalid_client"),
            ({"iss": "other"}, {}, "invalid_client"),
            ({"sub": "nobody"}, {}, "invalid_client"),
            ({"jti": None}, {}, "invalid_client"),
            ({}, {"scope": "ss12000.write"}, "invalid_scope"),
            ({}, {"resource": "urn:other"}, "invalid_target"),
            ({}, {"grant_type": "password"}, "unsupported_grant_type"),
        ],
    )
    def test_what_is_wrong_is_refused(
        self, city: City, web: httpx.Client, claims: dict[str, Any], form: dict[str, str], error: str
    ) -> None:
        client = city.authorisation_server.register_client(
            "tempus", scope="ss12000.read", audiences=("urn:kravkoll:ber",)
        )
        answer = self.ask(city, web, self.assertion(city, client.key_pem, **claims), **form)
        assert answer.json()["error"] == error
        assert answer.status_code == (401 if error == "invalid_client" else 400)

    def test_an_assertion_is_good_once_and_only_by_the_right_key(self, city: City, web: httpx.Client) -> None:
        client = city.authorisation_server.register_client("tempus", scope="ss12000.read")
        assertion = self.assertion(city, client.key_pem)
        assert [self.ask(city, web, assertion).status_code for _ in range(2)] == [200, 401]
        foreign = ECKey.generate_key("P-256").as_pem(private=True)
        assert self.ask(city, web, self.assertion(city, foreign)).status_code == 401
        assert self.ask(city, web, "no.jwt").status_code == 401

    def test_a_token_by_secret(self, city: City, web: httpx.Client) -> None:
        server = city.authorisation_server
        client = server.register_client("urn:client", scope="a b", audiences=("urn:x",))
        form = {"grant_type": "client_credentials", "scope": "a"}
        name = urllib.parse.quote_plus(client.id)
        good = web.post(f"{server.issuer}/token", data=form, auth=(name, client.secret))
        assert (good.json()["scope"], good.json()["token_type"]) == ("a", "Bearer")
        assert web.post(f"{server.issuer}/token", data=form, auth=(name, "x")).status_code == 401
        assert web.post(f"{server.issuer}/token", data=form).status_code == 401

    def test_a_minted_token_can_have_any_claim_wrong(self, city: City) -> None:
        server = city.authorisation_server
        minted = server.token("c", "urn:x", "s", expires_in=-600, jti=None, iss="https://other.invalid")
        token = jwt.decode(minted, KeySet.import_key_set(server.public_keys()), algorithms=["ES256"])
        assert token.claims["exp"] < time.time() - 590
        assert token.claims["iat"] < token.claims["exp"]
        assert "jti" not in token.claims
        assert token.claims["iss"] == "https://other.invalid"


class TestIdentityProvider:
    def test_metadata_is_signed_and_names_its_addresses(self, city: City, web: httpx.Client) -> None:
        provider = city.identity_provider
        document = web.get(provider.metadata_url).content
        root = etree.fromstring(document)
        certificate = root.findtext(".//md:KeyDescriptor//ds:X509Certificate", "", NAMESPACES)
        verified = signed_part(document, certificate)
        assert verified.get("entityID") == provider.entity_id
        sso = verified.find(".//md:SingleSignOnService", NAMESPACES)
        assert sso is not None
        assert sso.get("Location") == provider.sso_url

    def test_a_login_ends_in_a_signed_assertion_for_that_person(self, city: City, web: httpx.Client) -> None:
        provider = city.identity_provider
        provider.register_service_provider(service_provider_metadata())
        parameters = {"SAMLRequest": authn_request(), "RelayState": '"><b>&deep'}
        page = web.get(provider.sso_url, params=parameters).text
        login = re.findall('name="login" value="([^"]+)"', page)[0]
        form = {"login": login, "username": "guardian-a"}
        page = web.post(provider.sso_url.replace("/sso", "/login"), data=form).text
        assert f'action="{ACS}"' in page
        assert 'value="&quot;&gt;&lt;b&gt;&amp;deep"' in page
        document = base64.b64decode(re.findall('name="SAMLResponse" value="([^"]+)"', page)[0])
        self.verify(city, document)

    def verify(self, city: City, document: bytes) -> None:
        provider = city.identity_provider
        certificate = provider._signing.certificate_pem.decode()
        signed = signed_part(document, certificate)
        found = {
            "issuer": signed.findtext("saml:Issuer", "", NAMESPACES),
            "name": signed.findtext("saml:Subject/saml:NameID", "", NAMESPACES),
            "audience": signed.findtext(".//saml:Audience", "", NAMESPACES),
        }
        assert found == {"issuer": provider.entity_id, "name": "6f2c", "audience": SP}
        data = signed.find(".//saml:SubjectConfirmationData", NAMESPACES)
        assert data is not None
        assert (data.get("Recipient"), data.get("InResponseTo")) == (ACS, "_r1")
        values = [value.text for value in signed.findall(".//saml:AttributeValue", NAMESPACES)]
        assert values == ["qx71@example.invalid", "Åsa", "Öberg & Söner"]
        assert provider.identifiers("guardian-a") == {"6f2c", "qx71@example.invalid"}

    @pytest.mark.parametrize(
        ("parameter", "code"),
        [
            (authn_request('AssertionConsumerServiceURL="https://evil.invalid/acs"'), "acs-not-in-metadata"),
            (authn_request('AssertionConsumerServiceIndex="9"'), "acs-index-not-in-metadata"),
            (authn_request('Destination="https://elsewhere.invalid"'), "wrong-destination"),
            (authn_request(issuer="https://unknown.invalid"), "unknown-service-provider"),
            ("garbage", "not-deflated"),
            (base64.b64encode(zlib.compress(b"<a/>")[2:-4]).decode(), "not-authn-request"),
            (base64.b64encode(zlib.compress(b"<!DOCTYPE a><a/>")[2:-4]).decode(), "dtd"),
            (base64.b64encode(zlib.compress(b" " * 1_000_000)[2:-4]).decode(), "not-deflated"),
        ],
    )
    def test_a_wrong_request_is_refused_with_a_code(
        self, city: City, web: httpx.Client, parameter: str, code: str
    ) -> None:
        city.identity_provider.register_service_provider(service_provider_metadata())
        answer = web.get(city.identity_provider.sso_url, params={"SAMLRequest": parameter})
        assert (answer.status_code, answer.headers[REFUSED]) == (400, code)

    def test_a_stranger_cannot_log_in(self, city: City, web: httpx.Client) -> None:
        provider = city.identity_provider
        provider.register_service_provider(service_provider_metadata())
        page = web.get(provider.sso_url, params={"SAMLRequest": authn_request()}).text
        login = re.findall('name="login" value="([^"]+)"', page)[0]
        address = provider.sso_url.replace("/sso", "/login")
        answer = web.post(address, data={"login": login, "username": "nobody"})
        assert answer.headers[REFUSED] == "unknown-user"
        assert web.post(address, data={"username": "guardian-a"}).headers[REFUSED] == "no-such-login"

    @pytest.mark.parametrize("metadata", [b"<a/>", b"no", service_provider_metadata(entity_id="")])
    def test_unusable_metadata_is_told_of(self, city: City, metadata: bytes) -> None:
        with pytest.raises(SamlRefusal):
            city.identity_provider.register_service_provider(metadata)


class TestState:
    def test_keys_addresses_and_registrations_outlive_a_run(self, loopback: Loopback, tmp_path: Path) -> None:
        def facts(city: City) -> tuple[object, ...]:
            login, tokens = city.identity_provider, city.authorisation_server
            client = tokens.register_client("tempus")
            keys = (city.ca.anchor_pem, tokens.public_keys(), login._signing, client.key_pem, client.secret)
            return (*keys, login.entity_id, login.sso_url, tokens.issuer)

        with City.start(loopback, tmp_path, Company(PEOPLE)) as first:
            first.identity_provider.register_service_provider(service_provider_metadata())
            before = facts(first)
        with City.start(loopback, tmp_path, Company(PEOPLE)) as second:
            assert facts(second) == before
            assert second.identity_provider.receive(authn_request(), None).recipient == ACS

    def test_a_busy_port_is_told_of_and_nothing_is_left_running(
        self, loopback: Loopback, tmp_path: Path
    ) -> None:
        with City.start(loopback, tmp_path, Company(PEOPLE)) as first:
            first.authorisation_server.close()
            with pytest.raises(OSError, match="in use"):
                City.start(loopback, tmp_path, Company(PEOPLE))
            port = CityState(tmp_path).port("authorisation-server")
            loopback.serve(lambda *_: None, port=port).close()  # type: ignore[arg-type]

    def test_only_the_owner_can_read(self, loopback: Loopback, tmp_path: Path) -> None:
        state = tmp_path / "state"
        with City.start(loopback, state, Company(PEOPLE)) as city:
            city.authorisation_server.register_client("tempus")
        modes = {path.name: path.stat().st_mode & 0o777 for path in (state, *state.rglob("*"))}
        assert set(modes.values()) == {0o600, 0o700}
        assert not [name for name in modes if name.startswith(".draft")]

    def test_each_environment_has_its_own_place(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KRAVKOLL_STATE", str(tmp_path))
        assert state_of("demo") == tmp_path / "demo"
        monkeypatch.delenv("KRAVKOLL_STATE")
        monkeypatch.setenv("XDG_STATE_HOME", "/state")
        assert state_of("demo") == Path("/state/kravkoll/demo")
