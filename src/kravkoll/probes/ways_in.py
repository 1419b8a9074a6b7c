"""Ways to log in beside the city's: password and code fields, sign-up and reset forms, other providers."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from kravkoll.probes.http import Answer, Visitor, origin_of, without_query
from kravkoll.probes.login import CityLogin, Journey
from kravkoll.probes.web_page import UNSEEN_INPUTS, Field, Form, WebPage
from kravkoll.record.outcome import Inconclusive

MOST_PAGES = 80
MOST_UNANSWERED = 3
"""A system that answered none of so many is not asked for the rest: each would cost a time-out."""
WHO = re.compile(r"e-?mail|e-?post|user|anv[aä]nd|person(nummer|no|al)|mobil|phone", re.IGNORECASE)
"""What an input is called that asks who somebody is: a search form at /register is no sign-up."""
PASSWORD_HINTS = frozenset({"current-password", "new-password"})


@dataclass(frozen=True, slots=True)
class KnownWays:
    """Where products tend to keep a login of their own, and how to know one; data of the suite."""

    paths: tuple[str, ...]
    link_words: tuple[str, ...]
    """What links to a login say, in lower case."""
    account_words: tuple[str, ...]
    """What the addresses of sign-up and reset forms contain."""
    code_words: tuple[str, ...]
    """What inputs for one-time codes are called."""
    providers: tuple[str, ...]
    """Logins that anybody can have: a domain, and after a slash what the path contains."""


@dataclass(frozen=True, slots=True)
class WayIn:
    """One way to log in, sign up or reset that a page offers, seen or hidden."""

    kind: str
    """password, one-time-code, account, provider or http-challenge."""
    page: str
    detail: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What the entry pages and known addresses of a system offer, and which could not be seen."""

    looked_at: tuple[str, ...]
    ways: tuple[WayIn, ...]
    unseen: Mapping[str, str]
    """Address to reason code."""


class Surveyor:
    """Looks through the entry pages of one system."""

    def __init__(self, visitor: Visitor, login: CityLogin, known: KnownWays, base_url: str) -> None:
        self._visitor = visitor
        self._login = login
        self._known = known
        self._base = base_url
        self._looked_at: list[str] = []
        self._ways: dict[WayIn, None] = {}
        self._unseen: dict[str, str] = {}

    def survey(self, starts: Sequence[str]) -> Survey:
        """Look at the start pages, the known addresses, and what those link to that speaks of login."""
        waiting = list(
            dict.fromkeys([*starts, *(urljoin(self._base + "/", p.lstrip("/")) for p in self._known.paths)])
        )
        asked: set[str] = set()
        while waiting and len(asked) < MOST_PAGES:
            if not self._looked_at and len(self._unseen) >= MOST_UNANSWERED:
                break
            address = waiting.pop(0)
            if address in asked or origin_of(address) != origin_of(self._base):
                continue
            asked.add(address)
            waiting += self._look(address)
        return Survey(tuple(self._looked_at), tuple(self._ways), dict(self._unseen))

    def _look(self, address: str) -> list[str]:
        """What one address offers; returns where its pages lead on to."""
        try:
            journey = self._login.travel(self._visitor, address)
        except Inconclusive as reason:
            self._unseen[without_query(address)] = reason.reason.code
            return []
        self._looked_at.append(without_query(address))
        self._note_unseen(address, journey)
        for answer in journey.answers:
            self._add(_challenges(answer))
        for page in journey.pages:
            self._add(ways_on(page, self._known))
        return [target for page in journey.pages for target in self._leads(page)]

    def _add(self, ways: Iterable[WayIn]) -> None:
        self._ways |= dict.fromkeys(ways)

    def _note_unseen(self, address: str, journey: Journey) -> None:
        if journey.left_to:
            if not is_provider(journey.left_to, self._known.providers):
                self._unseen[without_query(address)] = "host.not-declared"
            else:
                self._add([WayIn("provider", without_query(address), journey.left_to)])
        elif not journey.at_login and journey.end.status >= 500:
            self._unseen[without_query(address)] = "subject.error"
        elif not journey.at_login and journey.end.status == 429:
            self._unseen[without_query(address)] = "subject.throttled"
        elif journey.is_out_of_sight:
            self._unseen[without_query(address)] = "subject.script"

    def _leads(self, page: WebPage) -> Iterator[str]:
        yield from page.frames
        for link in page.links:
            said = f"{link.text} {link.target}".lower()
            if any(word in said for word in (*self._known.link_words, *self._known.account_words)):
                yield link.target


def ways_on(page: WebPage, known: KnownWays) -> Iterator[WayIn]:
    """Every way in that the page's markup has."""
    where = without_query(page.url)
    for form in page.forms:
        if kind := _kind_of(form, page.url, known):
            names = [
                one.name or one.identity or one.kind for one in form.fields if one.kind not in UNSEEN_INPUTS
            ]
            yield WayIn(
                kind, where, f"{form.method or 'GET'} {without_query(form.action or '')} {', '.join(names)}"
            )
    targets = [link.target for link in page.links] + [form.action for form in page.forms if form.action]
    for target in dict.fromkeys(targets):
        if is_provider(target, known.providers):
            yield WayIn("provider", where, origin_of(target))


def _kind_of(form: Form, page_url: str, known: KnownWays) -> str:
    shown = [one for one in form.fields if one.kind not in UNSEEN_INPUTS]
    if any(one.kind == "password" or one.autocomplete in PASSWORD_HINTS for one in shown):
        return "password"
    if any(_is_code(one, known.code_words) for one in shown):
        return "one-time-code"
    address = f"{urlsplit(form.action or '').path} {urlsplit(page_url).path}".lower()
    asks_who = any(one.kind == "email" or WHO.search(f"{one.name} {one.identity}") for one in shown)
    if asks_who and any(word in address for word in known.account_words):
        return "account"
    return ""


def _is_code(one: Field, words: Iterable[str]) -> bool:
    names = set(re.split(r"[^a-z0-9åäö]+", f"{one.name} {one.identity}".lower()))
    return one.autocomplete == "one-time-code" or bool(names & set(words))


def _challenges(answer: Answer) -> Iterator[WayIn]:
    """The browser's own password box is a login of the system's too."""
    scheme = answer.headers.get("www-authenticate", "").partition(" ")[0].lower()
    if answer.status == 401 and scheme in {"basic", "digest"}:
        yield WayIn("http-challenge", without_query(answer.url), scheme)


def is_provider(address: str, providers: Iterable[str]) -> bool:
    """Whether this is the login of a provider, given as a domain and what the path contains."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    for provider in providers:
        domain, _, fragment = provider.partition("/")
        if (host == domain or host.endswith(f".{domain}")) and fragment in parts.path:
            return True
    return False
