"""A page as a browser without scripts reads it: forms, links, frames, and where it leads by itself."""

import codecs
import html
import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from kravkoll.probes.http import Answer

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
UNSEEN_INPUTS = frozenset({"hidden", "submit", "button", "image", "reset"})
REFRESH = re.compile(r"^\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?['\"]?([^'\"]+)", re.IGNORECASE)
SUBMITS = re.compile(r"\bsubmit\s*\(")
SHELL_TEXT = 40
"""A page with scripts and fewer letters than this builds itself in the browser, out of our sight."""


@dataclass(frozen=True, slots=True)
class Field:
    """An input of a form; everything in lower case but the value."""

    kind: str
    name: str
    identity: str
    autocomplete: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """A form, or the inputs that stand outside every form (`action` None)."""

    action: str | None
    method: str
    fields: tuple[Field, ...]

    @property
    def asks_nothing(self) -> bool:
        """Only hidden inputs and buttons: pressing it is all that a person can do."""
        return all(one.kind in UNSEEN_INPUTS for one in self.fields)

    def filled(self, **values: str) -> dict[str, str]:
        """What it would send, with some inputs filled in."""
        kept = {one.name: one.value for one in self.fields if one.name and one.kind != "submit"}
        return kept | values


@dataclass(frozen=True, slots=True)
class Link:
    """A link with what it says."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class WebPage:
    """One HTML page, hidden parts included."""

    url: str
    status: int
    forms: tuple[Form, ...]
    links: tuple[Link, ...]
    frames: tuple[str, ...]
    refresh: str | None
    """Where a meta refresh leads."""
    submits_itself: bool
    is_shell: bool
    """Scripts and next to no text: what it shows is made in the browser."""
    scripts: str = field(repr=False)
    """The scripts that stand in the page itself."""

    @property
    def automatic_form(self) -> Form | None:
        """The form that a script of the page sends without asking anything."""
        candidates = [form for form in self.forms if form.action and form.asks_nothing]
        return candidates[0] if self.submits_itself and candidates else None

    def mentions(self, address: str) -> str | None:
        """The first address in the page's own scripts that begins like this one."""
        plain = html.unescape(self.scripts).replace("\\/", "/").replace("\\u0026", "&")
        found = re.search(re.escape(address) + r"(?=[?'\"\s<]|$)[^'\"\s<>\\]*", plain)
        return found.group() if found else None


def read_page(answer: Answer) -> WebPage | None:
    """The page of an answer; None if it is not HTML."""
    if answer.media_type not in HTML_TYPES and not answer.body.lstrip()[:15].lower().startswith(
        (b"<!doctype html", b"<html")
    ):
        return None
    root = _parsed(answer)
    if root is None:
        return None
    base = urljoin(answer.url, root.xpath("string(//base/@href)"))
    scripts = "\n".join(map(str, root.xpath("//script//text() | //@onload")))
    forms = tuple(_form(element, base) for element in root.iter("form"))
    has_scripts = bool(root.xpath("//script"))
    return WebPage(
        url=answer.url,
        status=answer.status,
        forms=forms + _loose(root),
        links=tuple(
            Link(urljoin(base, element.get("href")), " ".join(element.text_content().split()))
            for element in root.iter("a")
            if element.get("href")
        ),
        frames=tuple(urljoin(base, source) for source in root.xpath("//iframe/@src | //frame/@src")),
        refresh=_refresh(root, base),
        submits_itself=bool(SUBMITS.search(scripts)),
        is_shell=has_scripts and not forms and len(_visible(root)) < SHELL_TEXT,
        scripts=scripts,
    )


def _parsed(answer: Answer) -> HtmlElement | None:
    charset = re.search(r"charset=[\"']?([\w-]+)", answer.headers.get("content-type", ""))
    try:
        encoding = codecs.lookup(charset.group(1)).name if charset else "utf-8"
    except LookupError:
        encoding = "utf-8"
    try:
        return document_fromstring(answer.body, parser=HTMLParser(encoding=encoding))
    except (etree.ParserError, etree.XMLSyntaxError):
        return None


def _form(element: HtmlElement, base: str) -> Form:
    inputs = element.xpath(".//input | .//textarea | .//select")
    action = urljoin(base, element.get("action") or "")
    return Form(action, (element.get("method") or "get").upper(), tuple(_field(one) for one in inputs))


def _loose(root: HtmlElement) -> tuple[Form, ...]:
    inputs = root.xpath("//input[not(ancestor::form)] | //textarea[not(ancestor::form)]")
    return (Form(None, "", tuple(_field(one) for one in inputs)),) if inputs else ()


def _field(element: HtmlElement) -> Field:
    default = "text" if element.tag == "input" else str(element.tag)
    return Field(
        kind=(element.get("type") or default).strip().lower(),
        name=element.get("name") or "",
        identity=(element.get("id") or "").lower(),
        autocomplete=(element.get("autocomplete") or "").lower(),
        value=element.get("value") or "",
    )


def _refresh(root: HtmlElement, base: str) -> str | None:
    for element in root.iter("meta"):
        if (element.get("http-equiv") or "").lower() == "refresh":
            found = REFRESH.match(element.get("content") or "")
            return urljoin(base, found.group(1).strip()) if found else None
    return None


def _visible(root: HtmlElement) -> str:
    texts = root.xpath("//body//text()[not(ancestor::script or ancestor::style or ancestor::noscript)]")
    return "".join("".join(texts).split())
