"""The login suite on small systems that we wrote for this: honest ones in many styles, and broken ones."""

import base64
import importlib.util
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest
import yaml
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

import kravkoll.cast
from kravkoll.cast import Cast
from kravkoll.checks.subject import Memo, Subject, verifying_context
from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.city.forged_openid import FORGED_LOGINS
from kravkoll.city.forged_saml import FORGERIES
from kravkoll.city.forged_tokens import FORGED_TOKENS
from kravkoll.city.openid_messages import RelyingParty, challenge_of
from kravkoll.city.saml_messages import MD, NAMESPACES
from kravkoll.city.state import throwaway
from kravkoll.record.outcome import Inconclusive, NotExercised, NotMet
from kravkoll.serving.loopback import Loopback

ROOT = Path(__file__).parents[2]


def suite(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "suites" / "login" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


API, SSO, SAML = suite("test_api_tokens"), suite("test_city_login"), suite("test_saml")
CONFTEST, OIDC = suite("conftest"), suite("test_openid")
API_CHECKS = {
    "good": API.test_good_token_is_let_in,
    "none": API.test_no_token_gets_nothing,
    "expired": API.test_expired_token_gets_nothing,
    "foreign": API.test_token_for_another_audience_gets_nothing,
}


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture(scope="module")
def cast() -> Cast:
    return kravkoll.cast.load()


@pytest.fixture(scope="module")
def city(loopback: Loopback, cast: Cast) -> Iterator[City]:
    with throwaway() as state, City.start(loopback, state, cast) as started:
        yield started


def subject_at(url: str, city: City, capabilities: Mapping[str, Mapping[str, Any]]) -> Subject:
    return Subject(
        row="row", supplier="supplier", system="system", interface="api", kind="api", address=url,
        capabilities=capabilities, trust=city.ca.anchor_pem, hooks={}, memo=Memo(), as_of=date(2026, 11, 23),
        timeout_seconds=5,
    )  # fmt: skip


def said(function: Callable[[], None]) -> str:
    """`met`, the finding codes, or the reason code."""
    try:
        function()
    except NotMet as breach:
        return " ".join(finding.code for finding in breach.findings)
    except Inconclusive as unseen:
        return unseen.reason.code
    return "met"


# --- machine access ---

RECORDS = [{"id": f"8f14e45f-{n}", "displayName": f"Förskolan {n}", "code": "FS"} for n in range(3)]
DATA = {"data": RECORDS, "pageToken": None}
type Answers = Mapping[str, tuple[int, Any]]


class ProtectedApi:
    """Knows which kind of token it was given, and answers as it is told for that kind."""

    def __init__(self, city: City, answers: Answers) -> None:
        self._keys = KeySet.import_key_set(city.authorisation_server.public_keys())
        refused = {kind: (401, {"error": "unauthorized"}) for kind in API_CHECKS}
        self._answers: Answers = {**refused, "good": (200, DATA), **answers}

    def kind(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            return "none"
        claims = jwt.decode(token, self._keys, algorithms=["ES256"]).claims
        if claims["exp"] < claims["iat"] + 1 or claims["aud"] != "urn:kravkoll:system":
            return "foreign"
        return "expired" if claims["exp"] < time.time() else "good"

    def app(self) -> Starlette:
        async def organisations(request: Request) -> Response:
            status, body = self._answers[self.kind(request)]
            if status in {302, 307}:
                return RedirectResponse(str(body), status)
            if isinstance(body, str):
                return HTMLResponse(body, status)
            return Response(status_code=status) if body is None else JSONResponse(body, status)

        return Starlette(routes=[Route("/v2.0/organisations", organisations)])


def outcomes(loopback: Loopback, city: City, answers: Answers, kinds: str) -> str:
    capabilities = {"api.token": {"audience": "urn:kravkoll:system", "scope": "ss12000.read"}}
    context = city.ca.issue().server_context()
    with loopback.serve(ProtectedApi(city, answers).app(), context=context) as served:
        subject = subject_at(f"{served.url}/v2.0", city, capabilities)
        asking = API.Asking(subject, city)
        return ", ".join(said(lambda k=kind: API_CHECKS[k](subject, asking)) for kind in kinds.split())  # type: ignore[misc]


def every(status: int, body: Any) -> dict[str, tuple[int, Any]]:
    return dict.fromkeys(("none", "expired", "foreign"), (status, body))


LOGIN_PAGE = "<!doctype html><title>Logga in</title><form><input name=user></form>"
OTHERS = [{"id": "c4ca4238", "displayName": "Skolan vid ån", "code": "GR"}]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, "met, met, met, met"),
        (every(403, None), "met, met, met, met"),
        (every(404, {"detail": "not found: /v2.0/organisations"}), "met, met, met, met"),
        (every(302, "https://login.invalid/authorize"), "met, met, met, met"),
        (every(307, "https://login.invalid/authorize"), "met, met, met, met"),
        (every(200, {"error": {"code": "invalid_token"}}), "met, met, met, met"),
        (every(200, LOGIN_PAGE), "met, met, met, met"),
        (every(200, None), "met, met, met, met"),
        (every(204, None), "met, met, met, met"),
    ],
    ids=["401", "403", "404", "302", "307", "200 error", "200 page", "200 empty", "204"],
)
def test_every_honest_way_to_refuse_is_met(
    loopback: Loopback, city: City, answers: Answers, expected: str
) -> None:
    assert outcomes(loopback, city, answers, "good none expired foreign") == expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, DATA),
        (401, DATA),
        (500, {"error": "database", "rows": RECORDS}),
        (200, {"items": [{"namn": RECORDS[0]["displayName"]}]}),
        (200, {"data": OTHERS}),
    ],
    ids=["the same", "under 401", "under 500", "one name", "other records"],
)
def test_data_is_a_leak_whatever_the_status(loopback: Loopback, city: City, status: int, body: Any) -> None:
    found = outcomes(loopback, city, every(status, body), "none expired foreign")
    assert found == "RS-01, RS-09, RS-13"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"data": []}, "answer.neither"),
        (204, None, "answer.neither"),
        (200, LOGIN_PAGE, "answer.neither"),
        (500, None, "subject.error"),
        (503, {"error": "issuer"}, "subject.error"),
        (429, None, "subject.throttled"),
    ],
)
def test_what_says_neither_is_inconclusive(
    loopback: Loopback, city: City, status: int, body: Any, code: str
) -> None:
    answers = {"foreign": (status, body), "expired": (status, body)}
    assert outcomes(loopback, city, answers, "expired foreign") == f"{code}, {code}"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": "invalid_token"}, "RS-02"),
        (302, "https://login.invalid/", "RS-02"),
        (200, {"data": []}, "subject.no-data"),
        (500, None, "subject.error"),
        (429, None, "subject.throttled"),
    ],
)
def test_a_good_token_that_gets_nothing(
    loopback: Loopback, city: City, status: int, body: Any, expected: str
) -> None:
    assert outcomes(loopback, city, {"good": (status, body)}, "good") == expected


def test_a_good_token_answered_like_none_is_refused_even_under_200(loopback: Loopback, city: City) -> None:
    answers = {**every(200, {"error": "no"}), "good": (200, {"error": "no"})}
    assert outcomes(loopback, city, answers, "good") == "RS-02"


def test_without_a_measure_nothing_is_judged(loopback: Loopback, city: City) -> None:
    answers: Answers = {"good": (200, {"data": []})}
    assert outcomes(loopback, city, answers, "none expired") == "control.no-data, control.no-data"


def test_a_subject_that_is_down_is_inconclusive(loopback: Loopback, city: City) -> None:
    served = loopback.serve(Starlette(), context=city.ca.issue().server_context())
    served.close()
    capabilities = {"api.token": {"audience": "urn:kravkoll:system", "scope": "s"}}
    subject = subject_at(served.url, city, capabilities)
    asking = API.Asking(subject, city)
    assert said(lambda: API.test_good_token_is_let_in(subject, asking)) == "subject.unreachable"


class UnverifyingApi(ProtectedApi):
    """Reads a token's claims, and lets in whoever has some."""

    def kind(self, request: Request) -> str:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return "good" if token.count(".") == 2 else "none"


def forged_outcomes(api: ProtectedApi, loopback: Loopback, city: City) -> str:
    capabilities = {"api.token": {"audience": "urn:kravkoll:system", "scope": "ss12000.read"}}
    with loopback.serve(api.app(), context=city.ca.issue().server_context()) as served:
        subject = subject_at(f"{served.url}/v2.0", city, capabilities)
        asking = API.Asking(subject, city)
        checks = (
            API.test_only_a_good_signature_counts,
            API.test_only_a_whole_token_of_the_citys_counts,
            API.test_only_the_agreed_scope_counts,
        )
        return ", ".join(said(lambda c=check: c(subject, asking)) for check in checks)  # type: ignore[misc]


def test_an_api_that_verifies_nothing_takes_every_forged_token(loopback: Loopback, city: City) -> None:
    found = forged_outcomes(UnverifyingApi(city, {}), loopback, city)
    assert found == "RS-04 RS-05 RS-06 RS-07 RS-08, RS-10 RS-11 RS-12 RS-16, RS-14"


class BreakingApi(ProtectedApi):
    """Verifies signatures, and has no answer where they do not hold."""

    def kind(self, request: Request) -> str:
        try:
            return super().kind(request)
        except JoseError:
            return "broken"


def test_an_api_that_breaks_over_a_forged_token_is_not_judged(loopback: Loopback, city: City) -> None:
    """A failure of the server says nothing of authorisation."""
    found = forged_outcomes(BreakingApi(city, {"broken": (500, None)}), loopback, city)
    assert found.split(", ")[0] == "subject.error"


# --- people's login ---


@dataclass
class Portal:
    """A system with a login by SAML, in the style that its fields say."""

    city: City
    start: str = "redirect"
    protected: str = "redirect"
    becomes: Callable[[str], str | None] = lambda name: name
    pages: Mapping[str, Response] = field(default_factory=dict)
    path: str = "/me"
    reads: str = ".//saml:NameID"
    base: str = ""

    def app(self) -> Starlette:
        extra = [Route(path, lambda _r, a=answer: a) for path, answer in self.pages.items()]
        return Starlette(
            routes=[
                *extra,
                Route("/", self.at_start),
                Route("/start", self.at_start),
                Route("/me", self.at_protected),
                Route("/profil", self.at_protected),
                Route("/acs", self.consume, methods=["POST"]),
                Route("/metadata", self.metadata),
            ]
        )

    async def at_start(self, _request: Request) -> Response:
        return self.send(self.start)

    async def at_protected(self, request: Request) -> Response:
        user = request.cookies.get("user")
        if user and request.url.path == "/profil":
            return HTMLResponse(f"<h1>Hej</h1><p>Du är <b id=me>{user}</b></p>")
        return JSONResponse({"session": {"user": user}}) if user else self.send(self.protected)

    def send(self, style: str) -> Response:
        """A page in this style, or a redirect where the style is an address."""
        address = self.request_url()
        script = address.replace("/", "\\/")
        pages = {
            "refresh": f'<meta http-equiv="Refresh" content="0; URL={address}">',
            "script": f'<p>Vänta</p><script>location.href = "{script}"</script>',
            "landing": f'<h1>Hej</h1><a href="/om">Om</a><a href="{address}">Logga in</a>',
            "button": '<h1>Hej</h1><form action="/me"><button>Fortsätt</button></form>',
            "shell": '<div id="app"></div><script src="/app.js"></script>',
            "own": "<h1>Välj hur du vill logga in</h1><p>Ring supporten så hjälper de dig.</p>",
        }
        answers = {
            "401": (401, {"error": "login"}),
            "anonymous": (200, {"session": {"user": None}}),
            "open": (200, {"session": {"user": "root"}}),
            "broken": (500, None),
        }
        if style in pages:
            return HTMLResponse(pages[style])
        if style in answers:
            status, body = answers[style]
            return JSONResponse(body, status)
        return RedirectResponse(address if style == "redirect" else style, 302)

    def request_url(self) -> str:
        document = (
            f'<samlp:AuthnRequest xmlns:samlp="{NAMESPACES["samlp"]}" ID="_r" Version="2.0"><saml:Issuer '
            f'xmlns:saml="{NAMESPACES["saml"]}">{self.base}/metadata</saml:Issuer></samlp:AuthnRequest>'
        )
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        message = base64.b64encode(deflater.compress(document.encode()) + deflater.flush()).decode()
        return (
            f"{self.city.identity_provider.sso_url}?{urlencode({'SAMLRequest': message, 'RelayState': 'x'})}"
        )

    async def consume(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        answer = etree.fromstring(base64.b64decode(form["SAMLResponse"][0]))
        name = answer.findtext(self.reads, "", NAMESPACES)
        welcome = RedirectResponse("/me", 303)
        if user := self.becomes(name):
            welcome.set_cookie("user", user, secure=True, httponly=True)
        return welcome

    async def metadata(self, _request: Request) -> Response:
        return Response(
            f'<EntityDescriptor xmlns="{MD}" entityID="{self.base}/metadata"><SPSSODescriptor '
            f'protocolSupportEnumeration="{NAMESPACES["samlp"]}"><AssertionConsumerService index="0" '
            f'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{self.base}/acs"/>'
            "</SPSSODescriptor></EntityDescriptor>",
            media_type="application/xml",
        )


@dataclass
class OpenIdPortal(Portal):
    """The same by OpenID Connect, trusting enough to be known by PKCE alone."""

    response_mode: str = ""
    landing: str = "redirect"
    verifier: str = "v" * 43

    def app(self) -> Starlette:
        app = super().app()
        app.routes.append(Route("/callback", self.back, methods=["GET", "POST"]))
        return app

    def request_url(self) -> str:
        asked = {
            "response_type": "code",
            "client_id": "portal",
            "redirect_uri": f"{self.base}/callback",
            "scope": "openid",
            "state": "s",
            "nonce": "n",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        } | ({"response_mode": self.response_mode} if self.response_mode else {})
        return f"{self.city.openid_provider.authorization_endpoint}?{urlencode(asked)}"

    async def back(self, request: Request) -> Response:
        text = (await request.body()).decode() if request.method == "POST" else request.url.query
        name = await self.subject_of(parse_qs(text)["code"][0])
        pages = {
            "redirect": RedirectResponse("/me", 303),
            "refresh": HTMLResponse('<meta http-equiv=refresh content="0;url=/me"><p>Välkommen</p>'),
            "page": HTMLResponse("<h1>Välkommen</h1>"),
        }
        answer = pages[self.landing]
        if user := self.becomes(name):
            answer.set_cookie("user", user, secure=True, httponly=True)
        return answer

    async def subject_of(self, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": f"{self.base}/callback",
            "client_id": "portal",
            "code_verifier": self.verifier,
        }
        context = verifying_context(self.city.ca.anchor_pem)
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            answer = await client.post(f"{self.city.openid_provider.issuer}/token", data=form)
        key = self.city.openid_provider.keys.ec
        claims = jwt.decode(answer.json()["id_token"], key, algorithms=["ES256"]).claims
        return str(claims["sub"])


OPENID = {"path": "/start", "openid": {"client": "portal", "redirect": "/callback", "public": True}}


def judged(
    loopback: Loopback, portal: Portal, cast: Cast, checks: str = "1 2 3", **capabilities: Mapping[str, Any]
) -> str:
    agreed: dict[str, Mapping[str, Any]] = {
        "login.start": {"path": "/start", "metadata": "/metadata"},
        "login.subject": {"path": "/me", "json": "session.user"},
    }
    agreed |= {name.replace("_", "."): value for name, value in capabilities.items()}
    with loopback.serve(portal.app(), context=portal.city.ca.issue().server_context()) as served:
        portal.base = served.url
        subject = subject_at(served.url, portal.city, agreed)
        known = CONFTEST.known.__wrapped__()
        context = verifying_context(portal.city.ca.anchor_pem + subject.trust)
        driving = Driving(subject, portal.city, context, known.link_words)
        functions = {
            "1": lambda: SSO.test_city_login_logs_that_person_in(subject, portal.city, cast, driving),
            "2": lambda: SSO.test_login_starts_at_the_citys_login(subject, driving, known),
            "3": lambda: SSO.test_no_login_of_its_own(subject, driving, known),
        }
        functions |= forgeries(subject, portal.city, cast, driving)
        return ", ".join(said(functions[number]) for number in checks.split())


def forgeries(subject: Subject, city: City, cast: Cast, driving: Driving) -> dict[str, Callable[[], None]]:
    def trying() -> Any:
        return SAML.trying.__wrapped__(subject, city, cast, driving)

    def oidc() -> Any:
        return OIDC.trying.__wrapped__(subject, city, cast, driving)

    return {
        "signature": lambda: SAML.test_only_a_good_signature_is_believed(trying()),
        "wrapping": lambda: SAML.test_nothing_but_what_was_signed_is_read(trying()),
        "document": lambda: SAML.test_a_document_is_read_in_one_way(trying()),
        "receiver": lambda: SAML.test_an_answer_for_or_from_others_is_refused(trying()),
        "once": lambda: SAML.test_an_answer_counts_once_and_where_it_was_asked_for(trying()),
        "time": lambda: SAML.test_an_answer_outside_its_time_is_refused(trying()),
        "statement": lambda: SAML.test_an_answer_that_confirms_nobody_is_refused(trying()),
        "claims": lambda: OIDC.test_an_id_token_is_verified_in_all_it_says(oidc()),
        "browser": lambda: OIDC.test_an_answer_counts_only_in_the_browser_that_asked(oidc()),
    }


EVERY_FORGERY = "signature wrapping document receiver once time statement"
STYLES = [
    (start, protected)
    for start in ("redirect", "refresh", "script", "landing", "button")
    for protected in ("redirect", "refresh", "script", "401", "anonymous")
    # the button leads to the protected page, so that must lead on
    if start != "button" or protected in {"redirect", "refresh", "script"}
]


@pytest.mark.parametrize(("start", "protected"), STYLES)
def test_honest_systems_of_every_style_are_met(
    loopback: Loopback, city: City, cast: Cast, start: str, protected: str
) -> None:
    assert judged(loopback, Portal(city, start, protected), cast) == "met, met, met"


@pytest.mark.parametrize(("start", "protected"), STYLES)
def test_honest_systems_with_openid_connect_are_met(
    loopback: Loopback, city: City, cast: Cast, start: str, protected: str
) -> None:
    portal = OpenIdPortal(city, start, protected)
    assert judged(loopback, portal, cast, login_start=OPENID) == "met, met, met"


@pytest.mark.parametrize("response_mode", ["", "query", "form_post"])
@pytest.mark.parametrize("landing", ["redirect", "refresh", "page"])
def test_however_the_answer_comes_back(
    loopback: Loopback, city: City, cast: Cast, response_mode: str, landing: str
) -> None:
    portal = OpenIdPortal(city, "landing", "401", response_mode=response_mode, landing=landing)
    assert judged(loopback, portal, cast, login_start=OPENID) == "met, met, met"


@pytest.mark.parametrize(
    "becomes",
    [lambda _name: None, lambda _name: "demo", lambda _name: "same"],
    ids=["nobody", "demo", "same"],
)
def test_a_login_by_openid_connect_that_ends_wrong_says_so_in_its_own_words(
    loopback: Loopback, city: City, cast: Cast, becomes: Callable[[str], str | None]
) -> None:
    portal = OpenIdPortal(city, becomes=becomes)
    assert judged(loopback, portal, cast, "1", login_start=OPENID) == "oidc.login"


@pytest.mark.parametrize("wrong", ["client", "redirect"])
def test_a_request_that_the_city_refuses_leaves_it_open(
    loopback: Loopback, city: City, cast: Cast, wrong: str
) -> None:
    other = {**OPENID["openid"], wrong: "/elsewhere"}  # type: ignore[dict-item]  # the last member is a mapping
    settings = {"path": "/start", "openid": other}
    city.openid_provider.register(RelyingParty("portal", ("https://portal.invalid/callback",)))
    assert judged(loopback, OpenIdPortal(city), cast, "1", login_start=settings) == "login.request-refused"


def test_the_user_can_be_read_from_a_page(loopback: Loopback, city: City, cast: Cast) -> None:
    settings = {"path": "/profil", "regex": r"<b id=me>([^<]+)</b>"}
    assert judged(loopback, Portal(city), cast, login_subject=settings) == "met, met, met"


def test_accounts_of_its_own_are_known_by_agreement(loopback: Loopback, city: City, cast: Cast) -> None:
    local = {cast.people[name].id: number for name, number in (("guardian-a", "17"), ("guardian-b", "18"))}
    portal = Portal(city, becomes=local.get)
    assert judged(loopback, portal, cast, "1", accounts={"guardian-a": 17, "guardian-b": 18}) == "met"
    assert judged(loopback, portal, cast, "1", accounts={"guardian-a": 18, "guardian-b": 17}) == "SAML-OK-01"
    assert judged(loopback, portal, cast, "1") == "accounts.unknown"


@pytest.mark.parametrize(
    "becomes",
    [lambda _name: None, lambda _name: "demo", lambda name: name[:-1] + "?" if name.isdigit() else "same"],
    ids=["nobody", "always one", "cut off"],
)
def test_a_login_that_ends_wrong_is_not_met(
    loopback: Loopback, city: City, cast: Cast, becomes: Callable[[str], str | None]
) -> None:
    assert judged(loopback, Portal(city, becomes=becomes), cast, "1") == "SAML-OK-01"


def test_a_login_as_another_person_is_not_met(loopback: Loopback, city: City, cast: Cast) -> None:
    a, b = cast.people["guardian-a"].id, cast.people["guardian-b"].id
    swapped = Portal(city, becomes={a: b, b: a}.get)
    assert judged(loopback, swapped, cast, "1") == "SAML-OK-01"


@pytest.mark.parametrize(
    ("styles", "expected"),
    [
        (("redirect", "own"), "SAML-ENTRY-01"),
        (("redirect", "landing"), "SAML-ENTRY-01"),
        (("redirect", "open"), "SAML-ENTRY-01"),
        (("redirect", "https://accounts.google.com/o/oauth2"), "SAML-ENTRY-01"),
        (("own", "own"), "SAML-ENTRY-01"),
        (("own", "401"), "SAML-ENTRY-01"),
        (("redirect", "https://broker.invalid/start"), "host.not-declared"),
        (("redirect", "shell"), "subject.script"),
        (("redirect", "broken"), "subject.error"),
        (("redirect", "/nowhere"), "subject.status"),
        (("redirect", "/me"), "subject.redirect-loop"),
        (("shell", "401"), "subject.script"),
    ],
)
def test_a_login_that_starts_elsewhere(
    loopback: Loopback, city: City, cast: Cast, styles: tuple[str, str], expected: str
) -> None:
    assert judged(loopback, Portal(city, *styles), cast, "2") == expected


PASSWORD = "<form method=post action=/in><input name=user><input type=password name=pw></form>"
OFFERS = {
    "password": ("/login", HTMLResponse(PASSWORD)),
    "other case": ("/Account/Login", HTMLResponse(PASSWORD.replace("password", "PassWord"))),
    "hidden": ("/admin", HTMLResponse(f'<div style="display:none">{PASSWORD}</div>')),
    "template": ("/login", HTMLResponse(f"<p>Vänta</p><template>{PASSWORD}</template>")),
    "no form": ("/login", HTMLResponse("<p>Hej</p><input type=password id=x><button>In</button>")),
    "under 403": ("/login", HTMLResponse(PASSWORD, 403)),
    "one-time code": ("/logga-in", HTMLResponse("<form><input name=kod autocomplete=one-time-code></form>")),
    "sms code": ("/logga-in", HTMLResponse("<form action=/sms><input name=engangskod></form>")),
    "sign-up": ("/register", HTMLResponse("<form method=post><input type=email name=e></form>")),
    "reset": ("/glomt-losenord", HTMLResponse("<form method=post><input name=epost></form>")),
    "basic": ("/admin", PlainTextResponse("", 401, {"WWW-Authenticate": 'Basic realm="x"'})),
    "provider": ("/login", HTMLResponse("<a href=https://accounts.google.com/o/oauth2/auth>Google</a>")),
    "provider by redirect": ("/login", RedirectResponse("https://accounts.google.com/o/oauth2/auth")),
}


@pytest.mark.parametrize("offer", OFFERS)
def test_a_login_of_its_own_is_found(loopback: Loopback, city: City, cast: Cast, offer: str) -> None:
    path, page = OFFERS[offer]
    portal = Portal(city, pages={path: page})
    assert judged(loopback, portal, cast, "1 2 3") == "met, met, SAML-ENTRY-02"


def test_a_login_behind_a_link_or_a_frame_is_found(loopback: Loopback, city: City, cast: Cast) -> None:
    link = HTMLResponse("<h1>Hej och välkommen</h1><a href=/personal/inne>Inloggning för personal</a>")
    frame = HTMLResponse("<h1>Hej och välkommen till oss</h1><iframe src=/personal/inne></iframe>")
    for front in (link, frame):
        portal = Portal(city, pages={"/start": front, "/personal/inne": HTMLResponse(PASSWORD)})
        assert judged(loopback, portal, cast, "3") == "SAML-ENTRY-02"


def test_a_password_form_stands_even_without_any_city_login(
    loopback: Loopback, city: City, cast: Cast
) -> None:
    portal = Portal(city, "own", "401", pages={"/login": HTMLResponse(PASSWORD)})
    assert judged(loopback, portal, cast) == "login.entry-not-found, SAML-ENTRY-01, SAML-ENTRY-02"


def test_a_system_without_any_login_is_never_met(loopback: Loopback, city: City, cast: Cast) -> None:
    portal = Portal(city, "own", "own")
    assert judged(loopback, portal, cast) == "login.entry-not-found, SAML-ENTRY-01, login.entry-not-found"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (HTMLResponse('<div id=app></div><script src="/a.js"></script>'), "subject.script"),
        (PlainTextResponse("", 502), "subject.error"),
        (RedirectResponse("https://elsewhere.invalid/"), "host.not-declared"),
    ],
)
def test_a_page_that_could_not_be_seen_leaves_it_open(
    loopback: Loopback, city: City, cast: Cast, page: Response, code: str
) -> None:
    assert judged(loopback, Portal(city, pages={"/login": page}), cast, "3") == code


@pytest.mark.parametrize(
    "page",
    [
        HTMLResponse("<form action=/register/search><input name=q></form>"),
        HTMLResponse("<a href=https://www.facebook.com/staden>Följ oss</a> på nätet och läs om oss"),
        HTMLResponse("<form><input type=hidden name=pin value=1><button>Gå</button></form>"),
        HTMLResponse("<form action=/pinnar><input name=spinner></form>"),
        PlainTextResponse("", 401, {"WWW-Authenticate": "Bearer"}),
        PlainTextResponse("stängd", 403),
        HTMLResponse(""),
        HTMLResponse(b"\xff\xfe\x00", headers={"Content-Type": "text/html; charset=nonsense"}),
    ],
    ids=["search", "footer", "hidden pin", "spinner", "bearer", "closed", "empty", "garbage"],
)
def test_what_is_no_login_is_not_taken_for_one(
    loopback: Loopback, city: City, cast: Cast, page: Response
) -> None:
    pages = {"/login": page, "/register": page}
    assert judged(loopback, Portal(city, pages=pages), cast, "3") == "met"


def test_unusable_metadata_is_inconclusive(loopback: Loopback, city: City, cast: Cast) -> None:
    portal = Portal(city, pages={"/metadata": PlainTextResponse("soon")})
    assert judged(loopback, portal, cast, "1") == "login.metadata"


def test_an_unknown_system_is_the_citys_business(loopback: Loopback, city: City, cast: Cast) -> None:
    assert judged(loopback, Portal(city), cast, "1 2", login_start={"path": "/start"}) == (
        "login.request-refused, met"
    )


# --- cards ---


@pytest.mark.parametrize("start", ["redirect", "landing", "refresh"])
def test_a_login_that_reads_whatever_comes_is_taken_in_by_every_kind_of_forgery(
    loopback: Loopback, city: City, cast: Cast, start: str
) -> None:
    """It takes the first name in any document, and reads that up to a comment."""
    portal = Portal(city, start)
    assert judged(loopback, portal, cast, EVERY_FORGERY) == ", ".join(
        (
            "SAML-SIG-01 SAML-SIG-02 SAML-SIG-03 SAML-SIG-04 SAML-SIG-05 SAML-SIG-06 SAML-SIG-07 SAML-SIG-08",
            "SAML-XSW-3 SAML-XSW-4 SAML-XSW-5 SAML-XSW-7",
            "SAML-CMT-01 SAML-XML-01",
            "SAML-VAL-01 SAML-VAL-02 SAML-VAL-03 SAML-VAL-04 SAML-VAL-05",
            "SAML-VAL-06 SAML-VAL-07 SAML-VAL-13",
            "SAML-VAL-09 SAML-VAL-10",
            "SAML-VAL-11 SAML-VAL-12",
        )
    )


def test_the_other_wrappings_take_in_who_reads_from_the_top(
    loopback: Loopback, city: City, cast: Cast
) -> None:
    portal = Portal(city, reads="saml:Assertion/saml:Subject/saml:NameID")
    found = judged(loopback, portal, cast, "wrapping")
    assert found == ("SAML-XSW-1 SAML-XSW-2 SAML-XSW-3 SAML-XSW-4 SAML-XSW-5 SAML-XSW-6 SAML-XSW-8")


def test_where_no_good_answer_is_believed_forgeries_say_nothing(
    loopback: Loopback, city: City, cast: Cast
) -> None:
    found = judged(loopback, Portal(city, becomes=lambda _: None), cast, EVERY_FORGERY)
    assert set(found.split(", ")) == {"login.no-good-answer"}


def test_forged_saml_says_nothing_of_another_protocol(loopback: Loopback, city: City, cast: Cast) -> None:
    with pytest.raises(NotExercised, match=r"login\.other-protocol"):
        judged(loopback, OpenIdPortal(city), cast, "signature", login_start=OPENID)


def test_a_relying_party_that_reads_whatever_comes_is_taken_in(
    loopback: Loopback, city: City, cast: Cast
) -> None:
    """Without `sub` it breaks off, and userinfo it never asks for: both let nobody in."""
    found = judged(loopback, OpenIdPortal(city), cast, "claims browser", login_start=OPENID)
    assert found == "OIDC-CLM-01 OIDC-CLM-02 OIDC-CLM-03 OIDC-CLM-04, OIDC-RES-03"


def test_forged_openid_says_nothing_of_another_protocol(loopback: Loopback, city: City, cast: Cast) -> None:
    with pytest.raises(NotExercised, match=r"login\.other-protocol"):
        judged(loopback, Portal(city), cast, "claims")


def test_findings_of_cards_and_code_agree() -> None:
    cards = yaml.safe_load((ROOT / "suites/login/checks.yaml").read_text(encoding="utf-8"))["checks"]
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "suites" / "login").glob("test_*.py"))
    raised = set(re.findall(r'"((?:RS|(?:SAML|OIDC)-[A-Z]+)-\d\d|oidc\.login)"', code))
    raised |= {forgery.row for forgery in FORGERIES.values()}
    raised |= {token.row for token in FORGED_TOKENS.values()}
    raised |= {forged.row for forged in FORGED_LOGINS.values()}
    assert raised == {finding for card in cards for finding in card["findings"]}
