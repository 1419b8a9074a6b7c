"""Pages are read as a browser without scripts reads them, and journeys end where they should."""

import ssl
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from kravkoll.city import sign_on
from kravkoll.probes.http import Answer, Visitor
from kravkoll.probes.login import LOGIN_REFUSED, CityLogin, Step, protocol_of, read_subject
from kravkoll.probes.web_page import WebPage, read_page
from kravkoll.record.outcome import Inconclusive, NotExercised
from kravkoll.serving.loopback import Loopback

URL = "https://system.example.invalid/a/page"


def page_of(markup: str | bytes, content_type: str = "text/html; charset=utf-8") -> WebPage:
    body = markup if isinstance(markup, bytes) else markup.encode()
    page = read_page(Answer("GET", URL, 200, {"content-type": content_type}, body))
    assert page is not None
    return page


class TestPage:
    def test_addresses_are_made_whole(self) -> None:
        page = page_of(
            '<base href="/b/"><a href="c">x  y</a><form action="d"></form><iframe src="/e"></iframe>'
        )
        assert (page.links[0].target, page.links[0].text) == ("https://system.example.invalid/b/c", "x y")
        assert page.forms[0].action == "https://system.example.invalid/b/d"
        assert page.frames == ("https://system.example.invalid/e",)

    def test_a_form_without_action_sends_to_its_own_page(self) -> None:
        assert page_of("<form method=post></form>").forms[0].action == URL

    @pytest.mark.parametrize(
        "content", ["0;url=/x", "0; URL='/x'", "5,/x", "0;url= /x ", '0; url="/x"', "1.5; Url=/x"]
    )
    def test_refreshes_of_every_spelling(self, content: str) -> None:
        quoted = content.replace('"', "&quot;")
        page = page_of(f'<meta http-equiv=REFRESH content="{quoted}">')
        assert page.refresh == "https://system.example.invalid/x"

    def test_a_reload_leads_nowhere(self) -> None:
        assert page_of('<meta http-equiv="refresh" content="30">').refresh is None

    def test_inputs_outside_forms_are_seen(self) -> None:
        page = page_of("<div><input type=PASSWORD id=Pw></div><form><input name=a></form>")
        assert [form.action is None for form in page.forms] == [False, True]
        assert (page.forms[1].fields[0].kind, page.forms[1].fields[0].identity) == ("password", "pw")

    def test_only_a_form_that_asks_nothing_is_sent_by_itself(self) -> None:
        hidden = "<form action=/x><input type=hidden name=a value=1><input type=submit></form>"
        script = "<script>document.forms[0].submit()</script>"
        automatic = page_of(hidden + script).automatic_form
        assert automatic is not None
        assert automatic.filled() == {"a": "1"}
        assert page_of(hidden).automatic_form is None
        assert page_of(hidden.replace("hidden", "text") + script).automatic_form is None
        assert page_of(f'<body onload="document.forms[0].submit()">{hidden}').automatic_form is not None

    def test_a_shell_is_scripts_and_next_to_no_text(self) -> None:
        assert page_of("<div id=a></div><noscript>Slå på skript för att läsa den här sidan, tack</noscript>"
                       "<script src=/a.js></script>").is_shell  # fmt: skip
        assert not page_of("<p>" + "ord " * 20 + "</p><script src=/a.js></script>").is_shell
        assert not page_of("<div></div>").is_shell

    def test_addresses_in_scripts_are_found_however_escaped(self) -> None:
        page = page_of(r'<script>go("https:\/\/idp.invalid\/sso?SAMLRequest=x\u0026RelayState=y")</script>')
        found = page.mentions("https://idp.invalid/sso")
        assert found == "https://idp.invalid/sso?SAMLRequest=x&RelayState=y"
        assert page.mentions("https://idp.invalid/ss") is None
        assert page_of('<a href="https://idp.invalid/sso">x</a>').mentions("https://idp.invalid/sso") is None

    def test_other_encodings_and_broken_pages(self) -> None:
        assert (
            page_of("<a href=x>Å</a>".encode("latin-1"), "text/html; charset=iso-8859-1").links[0].text == "Å"
        )
        assert page_of("<a href=x>y</a>", "text/html; charset=nonsense").links[0].text == "y"
        assert read_page(Answer("GET", URL, 200, {"content-type": "text/html"}, b"")) is None
        assert read_page(Answer("GET", URL, 200, {"content-type": "application/json"}, b"{}")) is None
        assert read_page(Answer("GET", URL, 200, {}, b" <!DOCTYPE HTML><p>x")) is not None


SSO = "https://idp.example.invalid/sso"
AUTHORIZE = "https://op.example.invalid/authorize"


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def visitor(loopback: Loopback) -> Iterator[tuple[Visitor, str]]:
    asked = f"{SSO}?SAMLRequest=x"

    async def answer(request: Request) -> Response:
        pages = {
            "straight": RedirectResponse(asked),
            "posted": HTMLResponse(
                f'<form method=post action="{SSO}"><input type=hidden name=SAMLRequest value=x></form>'
                "<script>document.forms[0].submit()</script>"
            ),
            "linked": HTMLResponse(
                f'<a href="/page/other">Om oss</a><a href="{asked}">Stadens INLOGGNING</a>'
            ),
            "bare": RedirectResponse(SSO),
            "openid": RedirectResponse(f"{AUTHORIZE}?client_id=x&response_type=code"),
            "scripted": HTMLResponse(f'<script>location = "{AUTHORIZE}?client_id=x&scope=openid"</script>'),
            "elsewhere": RedirectResponse("https://broker.invalid/x?y"),
            "loop": RedirectResponse("/page/loop"),
            "me": JSONResponse({"user": {"id": 17, "names": ["a", "b"]}, "on": True}),
            "html": HTMLResponse("<b id=who>åsa</b>"),
        }
        return pages[request.path_params["name"]]

    with (
        loopback.serve(Starlette(routes=[Route("/page/{name}", answer)])) as served,
        Visitor(ssl.create_default_context(), [served.url]) as visiting,
    ):
        yield visiting, f"{served.url}/page"


class TestJourney:
    login = CityLogin([SSO, AUTHORIZE], ["inloggning"])

    @pytest.mark.parametrize(
        ("page", "protocol"),
        [("straight", "saml"), ("posted", "saml"), ("bare", ""), ("openid", "oidc"), ("scripted", "oidc")],
    )
    def test_it_stops_before_the_citys_login(
        self, visitor: tuple[Visitor, str], page: str, protocol: str
    ) -> None:
        journey = self.login.travel(visitor[0], f"{visitor[1]}/{page}")
        assert journey.at_login
        assert journey.request is not None
        assert protocol_of(journey.request) == protocol
        assert "SAMLRequest" not in str(journey.described())

    def test_a_link_is_pressed_only_where_that_is_allowed(self, visitor: tuple[Visitor, str]) -> None:
        browser, base = visitor
        assert not self.login.travel(browser, f"{base}/linked").at_login
        journey = self.login.find_entry(browser, f"{base}/linked")
        assert (journey.at_login, journey.clicked) == (True, "Stadens INLOGGNING")

    def test_undeclared_hosts_end_it(self, visitor: tuple[Visitor, str]) -> None:
        journey = self.login.find_entry(visitor[0], f"{visitor[1]}/elsewhere")
        assert (journey.at_login, journey.left_to) == (False, "https://broker.invalid/x")

    def test_a_loop_is_told_of(self, visitor: tuple[Visitor, str]) -> None:
        with pytest.raises(Inconclusive, match="redirect-loop"):
            self.login.travel(visitor[0], f"{visitor[1]}/loop")

    def test_without_an_entry_nobody_logs_in(self, visitor: tuple[Visitor, str]) -> None:
        journey = self.login.travel(visitor[0], f"{visitor[1]}/me")
        with pytest.raises(Inconclusive, match="entry-not-found"):
            self.login.log_in(visitor[0], journey, "guardian-a")


@pytest.mark.parametrize(
    ("page", "settings", "value"),
    [
        ("me", {"json": "user.id"}, "17"),
        ("me", {"json": "user.names.1"}, "b"),
        ("me", {"json": "user.names.7"}, None),
        ("me", {"json": "user"}, None),
        ("me", {"json": "on"}, None),
        ("html", {"json": "user"}, None),
        ("html", {"regex": "id=who>([^<]+)<"}, "åsa"),
        ("html", {"regex": "åsa"}, "åsa"),
        ("straight", {"regex": "."}, None),
    ],
)
def test_the_subject_is_read_where_the_settings_say(
    visitor: tuple[Visitor, str], page: str, settings: dict[str, str], value: str | None
) -> None:
    assert read_subject(visitor[0], f"{visitor[1]}/{page}", settings).value == value


def test_settings_that_say_nothing_are_a_reason(visitor: tuple[Visitor, str]) -> None:
    with pytest.raises(NotExercised, match="settings"):
        read_subject(visitor[0], f"{visitor[1]}/me", {})


def test_the_two_ends_agree_on_the_refusal_header() -> None:
    assert sign_on.REFUSED.lower() == LOGIN_REFUSED


def test_a_step_does_not_show_its_form() -> None:
    assert "secret" not in repr(Step("POST", SSO, {"SAMLResponse": "secret"}))
