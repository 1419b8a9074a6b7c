"""The login suite on small systems that we wrote for this: honest ones in many styles, and broken ones."""

import re
from collections.abc import Callable

import pytest
import yaml
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from tests.suites.looking import ROOT
from tests.suites.portals import OPENID, OpenIdPortal, Portal, judged

from kravkoll.cast import Cast
from kravkoll.city.city import City
from kravkoll.city.forged_openid import FORGED_LOGINS
from kravkoll.city.forged_saml import FORGERIES
from kravkoll.city.forged_tokens import FORGED_TOKENS
from kravkoll.city.openid_messages import RelyingParty
from kravkoll.serving.loopback import Loopback

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


def test_findings_of_cards_and_code_agree() -> None:
    cards = yaml.safe_load((ROOT / "suites/login/checks.yaml").read_text(encoding="utf-8"))["checks"]
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "suites" / "login").glob("test_*.py"))
    raised = set(re.findall(r'"((?:RS|(?:SAML|OIDC)-[A-Z]+)-\d\d|oidc\.login)"', code))
    raised |= {forgery.row for forgery in FORGERIES.values()}
    raised |= {token.row for token in FORGED_TOKENS.values()}
    raised |= {forged.row for forged in FORGED_LOGINS.values()}
    assert raised == {finding for card in cards for finding in card["findings"]}
