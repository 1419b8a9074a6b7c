"""Login by OpenID Connect: the good one, and every answer that must log nobody in."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from kravkoll import standins
from kravkoll.city.openid_messages import ProviderKeys, RelyingParty
from kravkoll.city.openid_provider import Grant, OpenIdProvider
from kravkoll.standins import StandIn

from .conftest import MOCKS, House
from .test_login import log_in, new_browser, user

OIDC: Mapping[str, Any] = {"protocol": "oidc", "user_claim": "eduperson_principal_name"}
ACCOUNT = "eduPersonPrincipalNames"


@pytest.fixture
def browser(house: House) -> Iterator[httpx.Client]:
    with new_browser(house) as client:
        yield client


def product(house: House, fault: str | None = None, login: Mapping[str, Any] = OIDC) -> StandIn:
    """Tempus with a login by OpenID Connect, registered."""
    given = standins.load(MOCKS / "tempus.yaml")
    system = {**given, "interfaces": {**given["interfaces"], "login": login}}
    client = house.city.authorisation_server.register_client("tempus")
    changes = {"client_id": "tempus", "client_key": client.key_pem}
    started = house.start_system(system, fault, **changes)
    party = standins.registration_of(system, started.url)
    assert party is not None
    house.city.openid_provider.register(RelyingParty("tempus", **party))
    return started


def account(house: House, persona: str) -> str:
    return str(house.person(persona)[ACCOUNT][0])


@pytest.mark.parametrize(
    "more", [{}, {"response_mode": "form_post"}, {"signing": "RS256"}, {"public": True}, {"scope": "openid"}]
)
def test_a_good_login(house: House, browser: httpx.Client, more: Mapping[str, Any]) -> None:
    system = product(house, login={**OIDC, **more})
    landed = log_in(browser, f"{system.url}/me", "guardian-a")
    assert str(landed.url) == f"{system.url}/me"
    assert user(browser, system) == account(house, "guardian-a")


def test_the_account_may_be_the_subject(house: House, browser: httpx.Client) -> None:
    system = product(house, login={"protocol": "oidc"})
    log_in(browser, f"{system.url}/me", "guardian-a")
    assert user(browser, system) == house.person("guardian-a")["id"]


def test_both_protocols_lead_to_one_account(house: House, browser: httpx.Client) -> None:
    login = {**OIDC, "protocol": "both", "user_attribute": "urn:oid:1.3.6.1.4.1.5923.1.1.1.6"}
    system = product(house, login=login)
    metadata = house.http.get(f"{system.url}/saml/metadata").content
    house.city.identity_provider.register_service_provider(metadata)
    assert browser.get(f"{system.url}/login").text.count("/login?by=") == 2
    log_in(browser, f"{system.url}/login?by=oidc", "guardian-a")
    assert user(browser, system) == account(house, "guardian-a")
    with new_browser(house) as another:
        log_in(another, f"{system.url}/login?by=saml", "guardian-a")
        assert user(another, system) == account(house, "guardian-a")


def test_the_request_is_fresh_and_bound(house: House, browser: httpx.Client) -> None:
    system = product(house)
    asked = [queried(browser.get(f"{system.url}/me").headers["location"]) for _ in range(3)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({one[name] for one in asked}) == 3
        assert len(asked[0][name]) >= 22  # 128 bits
    assert asked[0]["code_challenge_method"] == "S256"
    assert asked[0]["redirect_uri"] == f"{system.url}/oidc/callback"


def test_logout_ends_the_citys_session_too(house: House, browser: httpx.Client) -> None:
    system = product(house)
    log_in(browser, f"{system.url}/me", "guardian-a")
    landed = browser.get(f"{system.url}/logout", follow_redirects=True)
    assert user(browser, system) is None
    assert "username" in landed.text  # back at the product, which sends to a login that asks again


def queried(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


class Attack:
    """A browser on its way back from the city's login, and what is changed on the way."""

    def __init__(self, house: House, browser: httpx.Client, system: StandIn) -> None:
        self.house, self.browser, self.system = house, browser, system

    def answer(self, browser: httpx.Client | None = None, persona: str = "guardian-a") -> str:
        """The address that the city sends the browser to, not yet visited."""
        browser = browser or self.browser
        asked = browser.get(f"{self.system.url}/me").headers["location"]
        page = browser.get(asked)
        if page.status_code == 303:
            return str(page.headers["location"])
        token = page.text.split('name="login" value="')[1].split('"')[0]
        address = f"{self.house.city.openid_provider.issuer}/login"
        sent = browser.post(address, data={"login": token, "username": persona})
        return str(sent.headers["location"])

    def visit(self, address: str, browser: httpx.Client | None = None) -> str | None:
        """Who is logged in after it."""
        browser = browser or self.browser
        answer = browser.get(address)
        assert answer.status_code in {303, 403}
        return user(browser, self.system)

    def changed(self, **changes: str | None) -> str | None:
        address = self.answer()
        members = {name: value for name, value in (queried(address) | changes).items() if value is not None}
        return self.visit(f"{address.partition('?')[0]}?{urlencode(members)}")


@pytest.fixture
def attack(house: House, browser: httpx.Client) -> Attack:
    return Attack(house, browser, product(house))


def test_the_shape_of_the_good_login(house: House, attack: Attack) -> None:
    assert attack.visit(attack.answer()) == account(house, "guardian-a")


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "_other"},
        {"state": None},
        {"iss": "https://other.invalid"},
        {"iss": None},
        {"code": "other"},
        {"code": None},
        {"error": "access_denied"},
    ],
    ids=str,
)
def test_a_changed_answer(attack: Attack, changes: dict[str, str | None]) -> None:
    assert attack.changed(**changes) is None


def test_an_answer_is_good_once_and_in_its_own_browser(house: House, attack: Attack) -> None:
    address = attack.answer()
    with new_browser(house) as another:
        another.get(f"{attack.system.url}/me")
        assert attack.visit(address, another) is None
    assert attack.visit(address) == account(house, "guardian-a")
    with new_browser(house) as another:
        another.get(f"{attack.system.url}/me")
        assert attack.visit(address, another) is None


def test_a_code_of_somebody_else_is_not_taken_in(house: House, attack: Attack) -> None:
    with new_browser(house) as another:
        stolen = queried(attack.answer(another, "guardian-b"))["code"]
    assert attack.changed(code=stolen) is None


def test_a_fixed_session_is_not_carried_over(house: House, attack: Attack) -> None:
    attack.browser.cookies.set("__Host-tempus-session", "fixed", domain="127.0.0.1")
    answer = attack.browser.get(attack.answer())
    (cookie,) = [one for one in answer.headers.get_list("set-cookie") if "-session=" in one]
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert not cookie.startswith("__Host-tempus-session=fixed")


type Forge = Callable[[dict[str, Any], ProviderKeys], str]


def claiming(**changes: Any) -> Forge:
    """The right key over wrong claims; None leaves one out."""

    def forge(claims: dict[str, Any], keys: ProviderKeys) -> str:
        merged = {name: value for name, value in (claims | changes).items() if value is not None}
        return keys.sign(merged, "ES256")

    return forge


def signed_by(key: Any, header: Mapping[str, Any]) -> Forge:
    algorithm = str(header["alg"])
    return lambda claims, _keys: jwt.encode(dict(header), claims, key, algorithms=[algorithm])


def confused(claims: dict[str, Any], keys: ProviderKeys) -> str:
    """RFC 8725 2.1: the public key taken for a shared secret."""
    secret = OctKey.import_key(keys.ec.as_pem(private=False))
    return jwt.encode({"alg": "HS256", "kid": keys.ec.kid}, claims, secret, algorithms=["HS256"])


def with_foreign_key_in_header(claims: dict[str, Any], _keys: ProviderKeys) -> str:
    key = ECKey.generate_key("P-256", auto_kid=True)
    header = {"alg": "ES256", "kid": key.kid, "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


def critical(claims: dict[str, Any], keys: ProviderKeys) -> str:
    """Signed by hand: libraries do not write what they would refuse."""
    header = {"alg": "ES256", "kid": keys.ec.kid, "crit": ["x"], "x": 1}
    parts = [urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims)]
    signed = b".".join(parts)
    key = keys.ec.private_key
    assert key is not None
    r, s = decode_dss_signature(key.sign(signed, ECDSA(SHA256())))
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return b".".join([signed, urlsafe_b64encode(raw).rstrip(b"=")]).decode()


def cut(claims: dict[str, Any], keys: ProviderKeys) -> str:
    return keys.sign(claims, "ES256").rpartition(".")[0] + "."


def unsigned(claims: dict[str, Any], keys: ProviderKeys) -> str:
    head = keys.sign(claims, "ES256").split(".")
    return ".".join(["eyJhbGciOiJub25lIn0", head[1], ""])


NOW = int(time.time())
FORGERIES: Mapping[str, Forge] = {
    "issuer": claiming(iss="https://other.invalid"),
    "issuer with a slash": lambda claims, keys: claiming(iss=claims["iss"] + "/")(claims, keys),
    "no issuer": claiming(iss=None),
    "audience": claiming(aud="other"),
    "no audience": claiming(aud=None),
    "two audiences without azp": claiming(aud=["tempus", "other"]),
    "another azp": claiming(azp="other"),
    "expired": claiming(exp=NOW - 600, iat=NOW - 900),
    "no end": claiming(exp=None),
    "end is text": claiming(exp="later"),
    "no start": claiming(iat=None),
    "old": claiming(iat=NOW - 3600),
    "to come": claiming(nbf=NOW + 600),
    "another nonce": claiming(nonce="other"),
    "no nonce": claiming(nonce=None),
    "nobody": claiming(sub=None),
    "no account": claiming(eduperson_principal_name=None),
    "another access token": claiming(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "somebody else than userinfo": claiming(sub="other"),
    "a logout token": claiming(events={}),
    "another algorithm": lambda claims, keys: keys.sign(claims, "RS256"),
    "another key": signed_by(ECKey.generate_key("P-256"), {"alg": "ES256"}),
    "a key that it brings along": with_foreign_key_in_header,
    "key confusion": confused,
    "cut signature": cut,
    "unsigned": unsigned,
    "unknown crit": critical,
    "no token": lambda _claims, _keys: "",
}


def forging(monkeypatch: pytest.MonkeyPatch, provider: OpenIdProvider, forge: Forge) -> None:
    good = OpenIdProvider.id_token

    def forged(grant: Grant, access_token: str) -> str:
        claims = jwt.decode(
            good(provider, grant, access_token), provider.keys.ec, algorithms=["ES256"]
        ).claims
        return forge(claims, provider.keys)

    monkeypatch.setattr(provider, "id_token", forged)


@pytest.mark.parametrize("wrong", FORGERIES)
def test_a_forged_id_token_logs_nobody_in(
    attack: Attack, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    with monkeypatch.context() as patched:
        forging(patched, attack.house.city.openid_provider, FORGERIES[wrong])
        assert attack.visit(attack.answer()) is None
    assert attack.visit(attack.answer()) is not None


GOOD: Mapping[str, Forge] = {
    "two audiences and azp": claiming(aud=["tempus", "other"], azp="tempus"),
    "no at_hash": claiming(at_hash=None),
    "no kid": lambda claims, keys: jwt.encode({"alg": "ES256"}, claims, keys.ec, algorithms=["ES256"]),
}


@pytest.mark.parametrize("right", GOOD)
def test_what_the_standard_lets_vary(attack: Attack, monkeypatch: pytest.MonkeyPatch, right: str) -> None:
    forging(monkeypatch, attack.house.city.openid_provider, GOOD[right])
    assert attack.visit(attack.answer()) is not None


def test_a_changed_key_is_picked_up(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = attack.house.city.openid_provider
    assert attack.visit(attack.answer()) is not None
    fresh = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    monkeypatch.setattr(provider, "keys", ProviderKeys(fresh, provider.keys.rsa))
    monkeypatch.setattr("kravkoll.standins.relying_party.REFETCH_SECONDS", 0.0)
    with new_browser(attack.house) as another:
        assert attack.visit(attack.answer(another), another) is not None


def test_discovery_of_another_issuer_is_no_way_in(house: House, browser: httpx.Client) -> None:
    system = product(house)
    assert browser.get(f"{system.url}/me").status_code == 302
    away = house.start_system(
        {**standins.load(MOCKS / "tempus.yaml")}
        | {"interfaces": {**standins.load(MOCKS / "tempus.yaml")["interfaces"], "login": OIDC}},
        None,
        openid_issuer="https://127.0.0.1:9",
    )
    assert browser.get(f"{away.url}/me").status_code == 503


def test_the_same_faults_as_by_saml(house: House, browser: httpx.Client) -> None:
    wrong = product(house, "login.oidc.good")
    log_in(browser, f"{wrong.url}/me", "guardian-a")
    assert user(browser, wrong) not in {None, account(house, "guardian-a")}
    page = browser.get(f"{product(house, 'login.form.local').url}/login").text
    assert 'type="password"' in page.replace("'", '"')
    with new_browser(house) as another:
        entry = product(house, "login.entry.local")
        assert str(another.get(f"{entry.url}/me", follow_redirects=True).url) == f"{entry.url}/login"


def test_an_unknown_protocol_is_told_of(house: House) -> None:
    with pytest.raises(LookupError, match="saml, oidc, both"):
        product(house, login={"protocol": "oauth"})
