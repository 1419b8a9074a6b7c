"""One login for every protocol: the form that asks who it is, and the session that need not ask again."""

import hashlib
import html
import secrets
import urllib.parse
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

COOKIE = "__Host-city-login"
REFUSED = "X-Login-Refused"
"""Header of an error page of ours: the stable code of why."""
LIFETIME = timedelta(hours=8)
MOST = 10_000
"""Sessions, and logins that wait for somebody, that are remembered; the oldest go first."""
FRAME = (
    '<!doctype html><html lang="sv"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{body}</html>'
)
NO_STORE = {"Cache-Control": "no-store"}


class Person(Protocol):
    """What the login needs to know of somebody in the cast."""

    @property
    def id(self) -> str: ...
    @property
    def given_name(self) -> str: ...
    @property
    def family_name(self) -> str: ...
    @property
    def principal_name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SignOnSession:
    """Somebody who has logged in, in one browser."""

    id: str
    persona: str
    since: datetime

    @property
    def sid(self) -> str:
        """What others may call it: the cookie cannot be told from it."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:32]


type Proceed = Callable[[SignOnSession], Response]
"""What goes on once it is known who it is."""


class SignOn:
    """Kept here; a browser holds nothing but a random cookie, good at every address of the city's login."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self.people = people
        self._sessions: OrderedDict[str, SignOnSession] = OrderedDict()
        self._pending: OrderedDict[str, Proceed] = OrderedDict()

    def routes(self) -> list[Route]:
        return [Route("/login", self._answer, methods=["POST"])]

    def session(self, request: Request) -> SignOnSession | None:
        """Who is logged in in this browser."""
        session = self._sessions.get(request.cookies.get(COOKIE, ""))
        return session if session and datetime.now(UTC) - session.since < LIFETIME else None

    def require(self, request: Request, proceed: Proceed, *, fresh: bool = False) -> Response:
        """Go on as whoever is logged in, or ask first; `fresh` asks in any case."""
        session = None if fresh else self.session(request)
        if session is not None:
            return proceed(session)
        token = secrets.token_urlsafe(24)
        remember(self._pending, token, proceed)
        return page("Stadens inloggning", form("/login", {"login": token}, ask_username=True))

    def end(self, request: Request, response: Response) -> None:
        """Forget who was logged in in this browser."""
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="none")

    async def _answer(self, request: Request) -> Response:
        given = urllib.parse.parse_qs((await request.body()).decode("utf-8", "replace"))
        token, persona = given.get("login", [""])[0], given.get("username", [""])[0]
        if token not in self._pending:
            return refused("no-such-login")
        if persona not in self.people:
            return refused("unknown-user", persona)
        session = SignOnSession(secrets.token_urlsafe(32), persona, datetime.now(UTC))
        answer = self._pending.pop(token)(session)
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        remember(self._sessions, session.id, session)
        # a product may post its request from a page of its own: another site, so SameSite is None
        answer.set_cookie(COOKIE, session.id, path="/", secure=True, httponly=True, samesite="none")
        return answer


def page(title: str, body: str, status: int = 200, headers: Mapping[str, str] = NO_STORE) -> Response:
    return HTMLResponse(FRAME.format(title=title, body=body), status_code=status, headers=dict(headers))


def refused(code: str, detail: str = "") -> Response:
    """An error page for whoever sits at the browser; the header says the code."""
    said = html.escape(f"{code}: {detail}" if detail else code)
    return page("Inloggningen kan inte fullföljas", f"<p>{said}</p>", 400, {**NO_STORE, REFUSED: code})


def form(action: str, hidden: Mapping[str, str], *, ask_username: bool) -> str:
    """A form that a person fills in, or that a browser posts by itself."""
    fields = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in hidden.items()
    )
    username = '<label>Användarnamn <input name="username" autofocus></label>' if ask_username else ""
    script = "" if ask_username else "<script>document.forms[0].submit()</script>"
    opening = f'<form method="post" action="{html.escape(action)}">'
    return f"{opening}{fields}{username}<button>Fortsätt</button></form>{script}"


def remember[T](kept: OrderedDict[str, T], name: str, value: T) -> None:
    """Keep, and let the oldest go beyond what is remembered."""
    kept[name] = value
    while len(kept) > MOST:
        kept.popitem(last=False)
