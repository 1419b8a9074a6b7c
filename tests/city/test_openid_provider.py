"""The city's OpenID provider over HTTP, as a relying party and a browser see it."""

import base64
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from kravkoll.checks.subject import verifying_context
from kravkoll.city.city import City
from kravkoll.city.client_authentication import ASSERTION_TYPE
from kravkoll.city.openid_messages import PRINCIPAL_NAME, RelyingParty, at_hash, challenge_of
from kravkoll.city.sign_on import COOKIE, REFUSED
from kravkoll.city.state import throwaway
from kravkoll.serving.loopback import Loopback

from .test_city import ACS, SP, Company, Somebody, authn_request, service_provider_metadata

BACK = "https://system.example.invalid/callback"
BYE = "https://system.example.invalid/bye"
PEOPLE = {
    "guardian-a": Somebody("6f2c", "Åsa", "Öberg", "qx71@example.invalid"),
    "guardian-b": Somebody("7d3e", "Bo", "Ek", "qx72@example.invalid"),
}
VERIFIER = "v" * 43
PARTY = RelyingParty("system", (BACK,), (BYE,))


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture(scope="module")
def city(loopback: Loopback) -> Iterator[City]:
    with throwaway() as state, City.start(loopback, state, Company(PEOPLE)) as started:
        yield started


@dataclass(frozen=True)
class Trial:
    """A browser, and a system that knows what it asks for."""

    city: City
    web: httpx.Client

    def request(self, **changes: str) -> dict[str, str]:
        right = {
            "response_type": "code",
            "client_id": "system",
            "redirect_uri": BACK,
            "scope": "openid profile",
            "state": "s1",
            "nonce": "n1",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (right | changes).items() if value}

    def authorize(self, **changes: str) -> httpx.Response:
        return self.web.get(self.city.openid_provider.authorization_endpoint, params=self.request(**changes))

    def log_in(self, persona: str = "guardian-a", **changes: str) -> httpx.Response:
        asked = self.authorize(**changes)
        login = re.findall('name="login" value="([^"]+)"', asked.text)[0]
        address = f"{self.city.openid_provider.issuer}/login"
        return self.web.post(address, data={"login": login, "username": persona})

    def code(self, persona: str = "guardian-a", **changes: str) -> str:
        return answered(self.log_in(persona, **changes))["code"]

    def assertion(self, key: ECKey | None = None, **claims: Any) -> str:
        client = self.city.authorisation_server.register_client("system")
        right = {
            "iss": "system",
            "sub": "system",
            "aud": self.city.openid_provider.issuer,
            "exp": int(time.time()) + 60,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode({"alg": "ES256"}, right | claims, key or ECKey.import_key(client.key_pem))

    def exchange(self, code: str, /, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(),
        }
        return self.post({name: value for name, value in (form | changes).items() if value})

    def post(self, form: dict[str, str], **request: Any) -> httpx.Response:
        return self.web.post(f"{self.city.openid_provider.issuer}/token", data=form, **request)

    def verified(self, id_token: str) -> jwt.Token:
        keys = KeySet.import_key_set(self.web.get(self.discovery()["jwks_uri"]).json())
        return jwt.decode(id_token, keys, algorithms=["ES256", "RS256"])

    def discovery(self) -> dict[str, Any]:
        return dict(self.web.get(self.city.openid_provider.discovery_url).json())


@pytest.fixture
def trial(city: City) -> Iterator[Trial]:
    city.openid_provider.register(PARTY)
    with httpx.Client(verify=verifying_context(city.ca.anchor_pem), trust_env=False) as client:
        yield Trial(city, client)


def answered(response: httpx.Response) -> dict[str, str]:
    """What a redirect carries back to the system."""
    address = response.headers["location"]
    assert address.startswith(BACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_discovery_names_what_is_there(trial: Trial) -> None:
    document = trial.discovery()
    assert document["issuer"] == trial.city.openid_provider.issuer
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    keys = trial.web.get(document["jwks_uri"]).json()["keys"]
    assert {(key["alg"], key["use"]) for key in keys} == {("ES256", "sig"), ("RS256", "sig")}
    assert len({key["kid"] for key in keys}) == 2
    assert not [key for key in keys if "d" in key]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_login_ends_in_an_id_token_for_that_person(trial: Trial, algorithm: str) -> None:
    trial.city.openid_provider.register(replace(PARTY, signing=algorithm))
    back = answered(trial.log_in())
    assert (back["state"], back["iss"]) == ("s1", trial.city.openid_provider.issuer)
    answer = trial.exchange(back["code"])
    assert answer.headers["cache-control"] == "no-store"
    token = trial.verified(answer.json()["id_token"])
    claims = token.claims
    assert token.header["alg"] == algorithm
    assert (claims["sub"], claims[PRINCIPAL_NAME]) == ("6f2c", "qx71@example.invalid")
    assert (claims["aud"], claims["nonce"]) == ("system", "n1")
    assert claims["exp"] - claims["iat"] <= 300
    assert claims["at_hash"] == at_hash(answer.json()["access_token"])
    assert trial.city.openid_provider.identifiers("guardian-a") == {"6f2c", "qx71@example.invalid"}


def test_userinfo_says_what_the_scope_opens(trial: Trial) -> None:
    address = trial.discovery()["userinfo_endpoint"]

    def told(scope: str) -> dict[str, Any]:
        token = trial.exchange(trial.code(scope=scope, prompt="login")).json()["access_token"]
        return dict(trial.web.get(address, headers={"Authorization": f"Bearer {token}"}).json())

    assert told("openid") == {"sub": "6f2c", PRINCIPAL_NAME: "qx71@example.invalid"}
    assert told("openid profile")["name"] == "Åsa Öberg"
    assert told("openid https://id.oidc.se/scope/naturalPersonInfo")["family_name"] == "Öberg"
    assert trial.web.get(address).status_code == 401
    assert trial.web.get(address, headers={"Authorization": "Bearer x"}).status_code == 401


def test_whoever_is_logged_in_is_not_asked_again_by_either_protocol(trial: Trial) -> None:
    trial.log_in()
    assert "code" in answered(trial.authorize())
    provider = trial.city.identity_provider
    provider.register_service_provider(service_provider_metadata())
    page = trial.web.get(provider.sso_url, params={"SAMLRequest": authn_request()})
    assert f'action="{ACS}"' in page.text
    document = base64.b64decode(re.findall('name="SAMLResponse" value="([^"]+)"', page.text)[0])
    assert b"qx71@example.invalid" in document
    assert SP.encode() in document
    page = trial.web.get(provider.sso_url, params={"SAMLRequest": authn_request('ForceAuthn="true"')})
    assert "username" in page.text


def test_login_by_saml_counts_here_too(trial: Trial) -> None:
    provider = trial.city.identity_provider
    provider.register_service_provider(service_provider_metadata())
    page = trial.web.get(provider.sso_url, params={"SAMLRequest": authn_request()}).text
    login = re.findall('name="login" value="([^"]+)"', page)[0]
    trial.web.post(
        provider.sso_url.replace("/sso", "/login"), data={"login": login, "username": "guardian-b"}
    )
    answer = trial.exchange(answered(trial.authorize())["code"]).json()
    assert trial.verified(answer["id_token"]).claims["sub"] == "7d3e"


def test_the_session_cookie_is_guarded_and_new_at_each_login(trial: Trial) -> None:
    first = trial.log_in().headers["set-cookie"]
    second = trial.log_in(prompt="login").headers["set-cookie"]
    for cookie in (first, second):
        assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert first != second


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}])
def test_somebody_logged_in_is_asked_where_the_system_wants_it(trial: Trial, asked: dict[str, str]) -> None:
    trial.log_in()
    assert "username" in trial.authorize(**asked).text
    answer = trial.log_in("guardian-b", **asked)
    token = trial.exchange(answered(answer)["code"]).json()["id_token"]
    assert trial.verified(token).claims["sub"] == "7d3e"


def test_prompt_none_asks_nobody(trial: Trial) -> None:
    assert answered(trial.authorize(prompt="none"))["error"] == "login_required"
    trial.log_in()
    assert "code" in answered(trial.authorize(prompt="none"))


def test_the_answer_can_be_posted(trial: Trial) -> None:
    page = trial.log_in(response_mode="form_post").text
    assert f'action="{BACK}"' in page
    fields = dict(re.findall('name="([^"]+)" value="([^"]+)"', page))
    assert fields["state"] == "s1"
    assert trial.exchange(fields["code"]).is_success


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": f"{BACK}/"}, "redirect-uri-not-registered"),
        ({"redirect_uri": ""}, "redirect-uri-not-registered"),
        ({"redirect_uri": "https://evil.invalid/callback"}, "redirect-uri-not-registered"),
        ({"client_id": "stranger"}, "unknown-relying-party"),
        ({"client_id": ""}, "unknown-relying-party"),
    ],
)
def test_nobody_unknown_is_sent_anything(trial: Trial, changes: dict[str, str], code: str) -> None:
    answer = trial.authorize(**changes)
    assert (answer.status_code, answer.headers[REFUSED]) == (400, code)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"resource": "urn:x"}, "invalid_target"),
        ({"max_age": "x"}, "invalid_request"),
    ],
)
def test_what_is_wrong_goes_back_as_an_error(trial: Trial, changes: dict[str, str], error: str) -> None:
    answer = trial.authorize(**changes)
    assert answered(answer)["error"] == error
    assert answered(answer)["state"] == "s1"
    assert answer.headers[REFUSED] == error


def test_a_repeated_parameter_is_refused(trial: Trial) -> None:
    address = trial.city.openid_provider.authorization_endpoint
    answer = trial.web.get(
        address, params=[*trial.request().items(), ("redirect_uri", "https://evil.invalid")]
    )
    assert answer.headers[REFUSED] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": "x"}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": BYE}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion": "", "client_assertion_type": "", "client_id": "system"}, "invalid_client"),
    ],
)
def test_a_code_is_changed_only_as_it_was_asked_for(
    trial: Trial, changes: dict[str, str], error: str
) -> None:
    assert trial.exchange(trial.code(), **changes).json()["error"] == error


def test_a_code_is_good_once_and_its_reuse_ends_the_token(trial: Trial) -> None:
    code = trial.code()
    token = trial.exchange(code).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert trial.web.get(trial.discovery()["userinfo_endpoint"], headers=headers).is_success
    assert trial.exchange(code).json()["error"] == "invalid_grant"
    assert trial.web.get(trial.discovery()["userinfo_endpoint"], headers=headers).status_code == 401


def test_a_code_of_another_system_is_refused(trial: Trial) -> None:
    other = trial.city.authorisation_server.register_client("other")
    trial.city.openid_provider.register(replace(PARTY, id="other"))
    assertion = trial.assertion(ECKey.import_key(other.key_pem), iss="other", sub="other")
    assert trial.exchange(trial.code(), client_assertion=assertion).json()["error"] == "invalid_grant"


def test_a_code_is_soon_too_old(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kravkoll.city.openid_provider.CODE_SECONDS", -1)
    assert trial.exchange(trial.code()).json()["error"] == "invalid_grant"


def test_a_system_may_prove_itself_by_secret(trial: Trial) -> None:
    client = trial.city.authorisation_server.register_client("system")
    form = {
        "grant_type": "authorization_code",
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    code = trial.code()
    assert trial.post({**form, "code": code}, auth=("system", "wrong")).status_code == 401
    assert trial.post({**form, "code": code}, auth=("system", client.secret)).is_success


def test_a_public_client_has_pkce_alone(trial: Trial) -> None:
    trial.city.openid_provider.register(replace(PARTY, id="app", public=True))
    code = trial.code(client_id="app")
    form = {"client_assertion": "", "client_assertion_type": "", "client_id": "app"}
    assert trial.exchange(code, **form, code_verifier="w" * 43).json()["error"] == "invalid_grant"
    assert trial.exchange(trial.code(client_id="app", prompt="login"), **form).is_success


def test_logout_ends_the_citys_session_and_leads_back(trial: Trial) -> None:
    token = trial.exchange(trial.code()).json()["id_token"]
    address = trial.discovery()["end_session_endpoint"]
    asked = {"id_token_hint": token, "post_logout_redirect_uri": BYE, "state": "x y"}
    answer = trial.web.get(address, params=asked)
    assert answer.headers["location"] == f"{BYE}?state=x+y"
    assert not trial.web.cookies.get(COOKIE)
    assert "username" in trial.authorize().text


@pytest.mark.parametrize(
    "wrong",
    [{"post_logout_redirect_uri": "https://evil.invalid"}, {"id_token_hint": "x.y.z"}, {"id_token_hint": ""}],
)
def test_logout_leads_nowhere_unregistered(trial: Trial, wrong: dict[str, str]) -> None:
    token = trial.exchange(trial.code()).json()["id_token"]
    asked = {"id_token_hint": token, "post_logout_redirect_uri": BYE} | wrong
    answer = trial.web.get(trial.discovery()["end_session_endpoint"], params=asked)
    assert (answer.status_code, answer.headers.get("location")) == (200, None)
    assert "username" in trial.authorize().text


def consent(trial: Trial, page: httpx.Response, decision: str) -> httpx.Response:
    token = re.findall('name="consent" value="([^"]+)"', page.text)[0]
    address = f"{trial.city.openid_provider.issuer}/consent"
    return trial.web.post(address, data={"consent": token, "decision": decision})


@pytest.fixture
def asking(trial: Trial) -> Callable[[], httpx.Response]:
    party = replace(PARTY, scope="openid child.schedule", audiences=("urn:city",))
    trial.city.openid_provider.register(party)
    return lambda: trial.log_in(scope="openid child.schedule", resource="urn:city", prompt="login")


def test_an_api_opens_in_somebodys_name_with_their_consent(
    trial: Trial, asking: Callable[[], httpx.Response]
) -> None:
    page = asking()
    assert "child.schedule" in page.text
    answer = trial.exchange(answered(consent(trial, page, "allow"))["code"]).json()
    keys = KeySet.import_key_set(trial.city.authorisation_server.public_keys())
    token = jwt.decode(answer["access_token"], keys, algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    found = {name: token.claims[name] for name in ("sub", "client_id", "aud", "scope")}
    assert found == {"sub": "6f2c", "client_id": "system", "aud": "urn:city", "scope": "child.schedule"}


def test_without_consent_there_is_nothing(trial: Trial, asking: Callable[[], httpx.Response]) -> None:
    assert answered(consent(trial, asking(), "deny"))["error"] == "access_denied"
    page = asking()
    consent(trial, page, "allow")
    assert consent(trial, page, "allow").headers[REFUSED] == "no-such-consent"
    silent = trial.authorize(scope="openid child.schedule", resource="urn:city", prompt="none")
    assert answered(silent)["error"] == "consent_required"


def test_keys_and_registrations_outlive_a_run(loopback: Loopback, tmp_path: Path) -> None:
    def facts(city: City) -> tuple[object, ...]:
        provider = city.openid_provider
        return provider.issuer, provider.keys.public(), provider.relying_party("system")

    with City.start(loopback, tmp_path, Company(PEOPLE)) as first:
        first.openid_provider.register(PARTY)
        before = facts(first)
    kept = City.kept(tmp_path, Company(PEOPLE), "demo")
    assert facts(kept) == before
    assert before[2] == PARTY
