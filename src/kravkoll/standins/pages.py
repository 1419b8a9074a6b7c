"""The few pages of a system, in the language of its users."""

from collections.abc import Awaitable, Callable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

type Front = Callable[[Request, str], Awaitable[Response]]
"""What whoever is logged in sees first, by the name that they are logged in as."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def html_answer(page: str, status: int = 200) -> Response:
    return HTMLResponse(page, status, HEADERS)


def start_page(system: str, user: str) -> str:
    return page(
        system,
        f"<p>Inloggad som <strong id='user'>{escape(user)}</strong>.</p>"
        "<p><a href='/logout'>Logga ut</a></p>",
    )


def message_page(system: str, message: str) -> str:
    return page(system, f"<p>{escape(message)}</p><p><a href='/'>Till startsidan</a></p>")


def local_way_in_page(system: str) -> str:
    return page(
        system,
        "<p>Hur vill du logga in?</p><p><a href='/'>Stadens inloggning</a></p>",
    )


def local_login_page(system: str) -> str:
    fields = (
        "<label>Användarnamn <input name='username' autocomplete='username'></label>"
        "<label>Lösenord <input name='password' type='password'></label>"
    )
    return page(system, f"<form method='post' action='/login'>{fields}<button>Logga in</button></form>")


def choice_page(system: str, ways: list[str]) -> str:
    """The city's login by more than one protocol."""
    links = "".join(f"<li><a href='/login?by={way}'>Stadens inloggning ({way})</a></li>" for way in ways)
    return page(system, f"<p>Hur vill du logga in?</p><ul>{links}</ul>")


def page(system: str, body: str) -> str:
    """A page of the system with some content."""
    title = escape(system.capitalize())
    return (
        f"<!doctype html><html lang='sv'><head><meta charset='utf-8'><title>{title}</title></head>"
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    )
