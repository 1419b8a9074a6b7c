import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree

from kravkoll.city.certificate_authority import generate_rsa_key, private_pem
from kravkoll.city.identity_provider import self_signed
from kravkoll.city.saml_messages import (
    NAMESPACES,
    SAML,
    AssertionFrame,
    SigningPair,
    Subject,
    assertion,
    read_authn_request,
    response,
)
from kravkoll.standins import StandIn

from .conftest import House

ACCOUNT = "eduPersonPrincipalNames"
WARPED = Subject("name-id", "mallory@example.invalid", "M", "M")

type Assertion = etree._Element


@pytest.fixture
def browser(house: House) -> Iterator[httpx.Client]:
    with new_browser(house) as client:
        yield client


def new_browser(house: House) -> httpx.Client:
    return httpx.Client(verify=house.trusting_context(), trust_env=False)


def registered(house: House, fault: str | None = None) -> StandIn:
    system = house.receiver(house.start("ber"), fault)
    metadata = house.http.get(f"{system.url}/saml/metadata").content
    house.city.identity_provider.register_service_provider(metadata)
    return system


def log_in(browser: httpx.Client, start: str, persona: str) -> httpx.Response:
    """As a browser does: follow, fill in the form, post the answer back, follow."""
    page = browser.get(start, follow_redirects=True)
    while forms := re.findall(r"<form.*?</form>", page.text, re.DOTALL):
        fields = {
            unescape(name): unescape(value or "")
            for name, value in re.findall(r'<input[^>]*?name="([^"]+)"(?:[^>]*?value="([^"]*)")?', forms[0])
        }
        action = unescape(re.findall(r'action="([^"]*)"', forms[0])[0])
        if "username" in fields:
            fields["username"] = persona
        page = browser.post(urljoin(str(page.url), action), data=fields, follow_redirects=True)
    return page


def user(browser: httpx.Client, system: StandIn) -> str | None:
    answer = browser.get(f"{system.url}/me")
    return answer.json()["user"] if answer.status_code == 200 else None


def account(house: House, persona: str) -> str:
    return str(house.person(persona)[ACCOUNT][0])


def test_a_good_login(house: House, browser: httpx.Client) -> None:
    system = registered(house)
    landed = log_in(browser, f"{system.url}/me", "guardian-a")
    assert str(landed.url) == f"{system.url}/me"
    assert user(browser, system) == account(house, "guardian-a")
    assert account(house, "guardian-a") in browser.get(system.url).text
    browser.get(f"{system.url}/logout")
    assert user(browser, system) is None


def test_the_way_in_is_the_citys(house: House, browser: httpx.Client) -> None:
    system = registered(house)
    for path in ("/", "/me", "/login"):
        answer = browser.get(system.url + path)
        assert answer.status_code == 302
        assert answer.headers["location"].startswith(house.city.identity_provider.sso_url)


def test_the_request_is_signed_and_fresh(house: House, browser: httpx.Client) -> None:
    system = registered(house)
    urls = [browser.get(f"{system.url}/me").headers["location"] for _ in range(3)]
    queries = [parse_qs(urlsplit(url).query) for url in urls]
    requests = [read_authn_request(query["SAMLRequest"][0]) for query in queries]
    assert len({one.id for one in requests}) == 3
    assert requests[0].consumer_service_url == f"{system.url}/saml/acs"
    signed, _, _ = urlsplit(urls[0]).query.partition("&Signature=")
    key = load_pem_x509_certificate(house.installation.certificate).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = base64.b64decode(queries[0]["Signature"][0])
    key.verify(signature, signed.encode(), ec.ECDSA(hashes.SHA256()))


def test_cookies_stay_with_the_browser_and_change_at_login(house: House, browser: httpx.Client) -> None:
    system = registered(house)
    browser.cookies.set("__Host-tempus-session", "fixed", domain="127.0.0.1")
    page = log_in(browser, f"{system.url}/me", "guardian-a")
    (cookie,) = [
        one
        for step in page.history
        for one in step.headers.get_list("set-cookie")
        if one.startswith("__Host-tempus-session")
    ]
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert not cookie.startswith("__Host-tempus-session=fixed")


class Attack:
    """A browser that has been sent to log in, and what comes back to it."""

    def __init__(self, house: House, browser: httpx.Client, system: StandIn) -> None:
        self.provider = house.city.identity_provider
        self.browser, self.system = browser, system
        self.url = f"{system.url}/saml/acs"
        request = self.requested(browser)
        self.frame = AssertionFrame(self.provider.entity_id, f"{system.url}/saml/metadata", self.url, request)
        self.signing: SigningPair = self.provider._signing
        self.subject = replace(WARPED, principal_name=account(house, "guardian-a"))

    def requested(self, browser: httpx.Client) -> str:
        sent_to = browser.get(f"{self.system.url}/me").headers["location"]
        return read_authn_request(parse_qs(urlsplit(sent_to).query)["SAMLRequest"][0]).id

    def assertion(
        self, change: Callable[[Assertion], None] | None = None, now: datetime | None = None
    ) -> Assertion:
        element = assertion(self.subject, self.frame, now=now)
        if change:
            change(element)
        return self.signing.sign(element)

    def post(self, document: bytes, browser: httpx.Client | None = None) -> str | None:
        """Who is logged in after it."""
        browser = browser or self.browser
        answer = browser.post(self.url, data={"SAMLResponse": base64.b64encode(document).decode()})
        assert answer.status_code in {303, 403}
        return user(browser, self.system)


@pytest.fixture
def attack(house: House, browser: httpx.Client) -> Attack:
    return Attack(house, browser, registered(house))


def at(path: str) -> Callable[[Assertion], Assertion]:
    def find(element: Assertion) -> Assertion:
        found = element.find(path, NAMESPACES)
        assert found is not None
        return found

    return find


def setting(path: str, name: str, value: str | None) -> Callable[[Assertion], None]:
    def change(element: Assertion) -> None:
        target = at(path)(element)
        if value is None:
            del target.attrib[name]
        else:
            target.set(name, value)

    return change


def text(path: str, value: str) -> Callable[[Assertion], None]:
    def change(element: Assertion) -> None:
        at(path)(element).text = value

    return change


def without(path: str) -> Callable[[Assertion], None]:
    def change(element: Assertion) -> None:
        target = at(path)(element)
        parent = target.getparent()
        assert parent is not None
        parent.remove(target)

    return change


def test_the_shape_of_the_good_login(house: House, attack: Attack) -> None:
    good = attack.assertion()
    assert attack.post(response(good, attack.frame)) == account(house, "guardian-a")


def test_a_signed_response_does_as_well(house: House, attack: Attack) -> None:
    bare = assertion(attack.subject, attack.frame)
    without("ds:Signature")(bare)
    root = etree.fromstring(response(bare, attack.frame))
    root.insert(1, etree.Element(f"{{{NAMESPACES['ds']}}}Signature", Id="placeholder"))
    signed = etree.tostring(attack.signing.sign(root))
    assert attack.post(signed) == account(house, "guardian-a")


DATA = "saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"
PAST = "2020-01-01T00:00:00Z"
FUTURE = "2099-01-01T00:00:00Z"
SIGNED_BUT_WRONG = {
    "audience": text("saml:Conditions/saml:AudienceRestriction/saml:Audience", "https://other.invalid"),
    "no audience": without("saml:Conditions/saml:AudienceRestriction"),
    "recipient": setting(DATA, "Recipient", "https://other.invalid/acs"),
    "in response to another": setting(DATA, "InResponseTo", "_other"),
    "unsolicited": setting(DATA, "InResponseTo", None),
    "confirmation over": setting(DATA, "NotOnOrAfter", PAST),
    "confirmation without end": setting(DATA, "NotOnOrAfter", None),
    "conditions over": setting("saml:Conditions", "NotOnOrAfter", PAST),
    "conditions to come": setting("saml:Conditions", "NotBefore", FUTURE),
    "no conditions": without("saml:Conditions"),
    "sender vouches": setting(
        "saml:Subject/saml:SubjectConfirmation", "Method", "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
    ),
    "issuer": text("saml:Issuer", "https://other.invalid"),
    "nobody": without("saml:Subject/saml:NameID"),
    "no account": without("saml:AttributeStatement"),
}


@pytest.mark.parametrize("wrong", SIGNED_BUT_WRONG)
def test_what_is_signed_but_wrong(attack: Attack, wrong: str) -> None:
    assert attack.post(response(attack.assertion(SIGNED_BUT_WRONG[wrong]), attack.frame)) is None
    assert attack.post(response(attack.assertion(), attack.frame)) is not None


def test_the_clocks_may_differ_by_three_minutes(attack: Attack) -> None:
    slow = attack.assertion(now=datetime.now(UTC) + timedelta(minutes=3, seconds=30))
    assert attack.post(response(slow, attack.frame)) is not None


def forged(attack: Attack) -> Iterator[tuple[str, bytes]]:
    """Responses that carry somebody else, or nobody's signature."""
    good = response(attack.assertion(), attack.frame)
    mallory = WARPED.principal_name.encode()
    yield "changed after signing", good.replace(attack.subject.principal_name.encode(), mallory)
    unsigned = etree.fromstring(good)
    without("saml:Assertion/ds:Signature")(unsigned)
    yield "unsigned", etree.tostring(unsigned)
    yield "dtd", b'<!DOCTYPE x [<!ENTITY e "x">]>' + good
    yield "not xml", b"x"
    yield "status", good.replace(b"status:Success", b"status:Responder")
    yield "destination", good.replace(b'Destination="', b'Destination="x')
    yield from wrapped(attack, good)


def wrapped(attack: Attack, good: bytes) -> Iterator[tuple[str, bytes]]:
    evil = assertion(WARPED, attack.frame)
    without("ds:Signature")(evil)
    for place in (0, 99):
        root = etree.fromstring(good)
        root.insert(place, evil)
        yield f"evil assertion beside, {place}", etree.tostring(root)
    for inner in ("saml:Assertion", "saml:Assertion/ds:Signature"):
        root = etree.fromstring(good)
        outer = etree.fromstring(etree.tostring(evil))
        signed = at("saml:Assertion")(root)
        moved = at(inner)(root)
        root.remove(signed)
        advice = etree.SubElement(outer, f"{{{SAML}}}Advice")
        advice.append(signed)
        if moved is not signed:
            outer.insert(1, moved)
        root.append(outer)
        yield f"evil assertion around, {inner}", etree.tostring(root)


def test_forgeries(attack: Attack) -> None:
    seen = {name: attack.post(document) for name, document in forged(attack)}
    assert len(seen) > 8
    assert seen == dict.fromkeys(seen)
    assert attack.post(response(attack.assertion(), attack.frame)) is not None


def test_a_comment_does_not_cut_a_name(house: House, attack: Attack) -> None:
    attack.subject = replace(attack.subject, principal_name=account(house, "guardian-a") + ".evil.invalid")
    whole = response(attack.assertion(), attack.frame)
    cut = whole.replace(b".evil.invalid", b"<!-- -->.evil.invalid")
    assert attack.post(cut) in {None, attack.subject.principal_name}


def test_another_key_even_where_it_is_shown(attack: Attack) -> None:
    key = private_pem(generate_rsa_key())
    attack.signing = SigningPair(key, self_signed(key))
    assert attack.post(response(attack.assertion(), attack.frame)) is None


def test_a_changed_key_is_picked_up(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    key = private_pem(generate_rsa_key())
    attack.signing = SigningPair(key, self_signed(key))
    monkeypatch.setattr(attack.provider, "_signing", attack.signing)
    monkeypatch.setattr("kravkoll.standins.service_provider.REFETCH_SECONDS", 0.0)
    assert attack.post(response(attack.assertion(), attack.frame)) is not None


def test_replay(house: House, attack: Attack) -> None:
    document = response(attack.assertion(), attack.frame)
    assert attack.post(document) is not None
    for _ in range(3):
        with new_browser(house) as another:
            attack.requested(another)
            assert attack.post(document, another) is None


def test_an_answer_belongs_to_the_browser_that_asked(house: House, attack: Attack) -> None:
    document = response(attack.assertion(), attack.frame)
    with new_browser(house) as another:
        attack.requested(another)
        assert attack.post(document, another) is None


def test_relay_state_leads_nowhere(attack: Attack) -> None:
    document = base64.b64encode(response(attack.assertion(), attack.frame)).decode()
    fields = {"SAMLResponse": document, "RelayState": "https://evil.invalid/"}
    assert attack.browser.post(attack.url, data=fields).headers["location"] == "/me"


def test_somebody_else_is_logged_in(house: House, browser: httpx.Client) -> None:
    system = registered(house, "login.good")
    log_in(browser, f"{system.url}/me", "guardian-a")
    assert user(browser, system) not in {None, account(house, "guardian-a")}


def test_a_protected_page_leads_to_a_page_of_its_own(house: House, browser: httpx.Client) -> None:
    system = registered(house, "login.entry.local")
    page = browser.get(f"{system.url}/me", follow_redirects=True)
    assert str(page.url) == f"{system.url}/login"
    assert "password" not in page.text


def test_a_password_form_of_its_own(house: House, browser: httpx.Client) -> None:
    system = registered(house, "login.form.local")
    assert 'type="password"' in browser.get(f"{system.url}/login").text.replace("'", '"')
    log_in(browser, f"{system.url}/me", "guardian-a")
    assert user(browser, system) == account(house, "guardian-a")


def test_the_identity_provider_is_away(house: House, browser: httpx.Client) -> None:
    system = house.receiver(house.start("ber"), idp_metadata="https://127.0.0.1:9/metadata")
    assert browser.get(f"{system.url}/me").status_code == 503
