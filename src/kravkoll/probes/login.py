"""Logs in as a person would: from a page of the system, by the city's login, back, and who is it now."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlencode, urlsplit

from kravkoll.probes.http import MOST_REDIRECTS, Answer, Visitor, origin_of, without_query
from kravkoll.probes.web_page import Form, WebPage, read_page
from kravkoll.record.outcome import Inconclusive, NotExercised

LOGIN_REFUSED = "x-login-refused"
"""Header of the city's login: the stable code of why it will not go on."""
MOST_LINKS = 6


@dataclass(frozen=True, slots=True)
class Step:
    """What the browser does next."""

    method: str
    url: str
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Journey:
    """Where a page leads without a person's doing, up to the city's login, which it never enters."""

    start: str
    answers: tuple[Answer, ...]
    pages: tuple[WebPage, ...]
    request: Step | None = None
    """The step that would enter the city's login; None if it does not come so far."""
    left_to: str | None = None
    """An address of an origin that nobody declared, where the journey was broken off."""
    clicked: str | None = None
    """What had to be pressed to come on."""

    @property
    def end(self) -> Answer:
        return self.answers[-1]

    @property
    def at_login(self) -> bool:
        return self.request is not None

    @property
    def is_out_of_sight(self) -> bool:
        """It ends at a page that is made in the browser: what a person would see there, we do not."""
        last = self.pages[-1] if self.pages else None
        return not self.at_login and last is not None and last.is_shell and last.status < 400

    def described(self) -> dict[str, object]:
        """For the record; queries are left out, since they carry messages."""
        steps: list[str] = [str(answer) for answer in self.answers]
        seen: dict[str, object] = {"start": without_query(self.start), "steps": steps}
        if self.request:
            seen["city_login"] = f"{self.request.method} {without_query(self.request.url)}"
        return seen | {
            name: value for name, value in (("left_to", self.left_to), ("pressed", self.clicked)) if value
        }


@dataclass(frozen=True, slots=True)
class SubjectShown:
    """Who the protected page says is logged in; None if it says nothing that we can read."""

    value: str | None
    status: int
    ended_at: str
    left_to: str | None

    def looks_like(self, other: "SubjectShown") -> bool:
        """The same page, as far as can be told from outside."""
        return (self.status, self.ended_at, self.left_to) == (other.status, other.ended_at, other.left_to)


class CityLogin:
    """A driver of logins at the city's login, whatever protocol a system reaches it by."""

    def __init__(self, entries: Iterable[str], link_words: Iterable[str] = ()) -> None:
        self._entries = tuple(without_query(entry) for entry in entries)
        """Where logins begin: SingleSignOnService of SAML, authorization_endpoint of OpenID Connect."""
        self._link_words = tuple(word.lower() for word in link_words)

    def travel(self, visitor: Visitor, start: str) -> Journey:
        """Follow what happens by itself: redirects, refreshes, self-sending forms."""
        return self._on(visitor, Step("GET", start))

    def find_entry(self, visitor: Visitor, start: str) -> Journey:
        """As `travel`, and where that ends at a page, press what looks like the way to log in."""
        direct = self.travel(visitor, start)
        if direct.at_login or direct.left_to or not direct.pages:
            return direct
        for label, step in self._ways_on(direct.pages[-1]):
            further = self._on(visitor, step)
            if further.at_login:
                pages, answers = direct.pages + further.pages, direct.answers + further.answers
                return replace(further, start=start, answers=answers, pages=pages, clicked=label)
        return direct

    def log_in(self, visitor: Visitor, entry: Journey, username: str) -> Journey:
        """Enter the city's login as somebody and carry its answer back; Inconclusive if it will not go on."""
        return self.carry(visitor, self.answered(visitor, entry, username))

    def carry(self, visitor: Visitor, answer: Step) -> Journey:
        """Bring the city's answer to the system, and go on from there."""
        return self._on(visitor, answer)

    def answered(self, visitor: Visitor, entry: Journey, username: str) -> Step:
        """What the city's login answers somebody, on its way back to the system."""
        if entry.request is None:
            raise Inconclusive("login.entry-not-found", str(entry.end))
        answer = self._at_city(_take(visitor, entry.request))
        page = read_page(answer)
        asking = next((form for form in page.forms if _asks_for(form, "username")), None) if page else None
        if asking is not None and asking.action is not None:
            sent = Step("POST", asking.action, asking.filled(username=username))
            answer = self._at_city(_take(visitor, sent))
        elif not answer.location and (page is None or page.automatic_form is None):
            raise Inconclusive("city.login-page", "no form that asks for a user name")
        return self._carried_back(answer)

    def _carried_back(self, answer: Answer) -> Step:
        """How the city's answer goes back to the system: by a redirect, or by a form that sends itself."""
        if answer.location:
            return Step("GET", answer.location)
        page = read_page(answer)
        reply = page.automatic_form if page else None
        if reply is None or reply.action is None:
            raise Inconclusive("city.login-page", "no form that carries the answer back")
        return Step(reply.method, reply.action, reply.filled())

    def _at_city(self, answer: Answer) -> Answer:
        if code := answer.headers.get(LOGIN_REFUSED):
            raise Inconclusive("login.request-refused", code)
        return answer

    def _on(self, visitor: Visitor, first: Step) -> Journey:
        journey = Journey(first.url, (), ())
        step: Step | None = first
        while step is not None:
            if without_query(step.url) in self._entries:
                return replace(journey, request=step)
            if origin_of(step.url) not in visitor.origins:
                return replace(journey, left_to=without_query(step.url))
            if len(journey.answers) > MOST_REDIRECTS:
                raise Inconclusive("subject.redirect-loop", without_query(first.url))
            answer = _take(visitor, step)
            page = None if answer.location else read_page(answer)
            pages = (*journey.pages, page) if page else journey.pages
            journey = replace(journey, answers=(*journey.answers, answer), pages=pages)
            step = self._next(answer, page)
        return journey

    def _next(self, answer: Answer, page: WebPage | None) -> Step | None:
        if answer.location:
            return Step("GET", answer.location)
        if page is None:
            return None
        if page.refresh:
            return Step("GET", page.refresh)
        if form := page.automatic_form:
            return _pressed(form)
        # a script that sends the browser on
        mentioned = (page.mentions(entry) for entry in self._entries)
        steps = (Step("GET", address) for address in mentioned if address)
        return next((step for step in steps if protocol_of(step)), None)

    def _ways_on(self, page: WebPage) -> Iterator[tuple[str, Step]]:
        """Links and lone buttons that look like the way to log in, those that say so first."""
        told = [
            link
            for link in page.links
            if any(word in f"{link.text} {link.target}".lower() for word in self._link_words)
        ]
        for link in told[:MOST_LINKS]:
            yield link.text or link.target, Step("GET", link.target)
        for form in page.forms[:MOST_LINKS]:
            if form.action and form.asks_nothing:
                yield without_query(form.action), _pressed(form)


def read_subject(visitor: Visitor, url: str, settings: Mapping[str, object]) -> SubjectShown:
    """Who is logged in, by the protected page in this cookie jar; NotExercised if we do not know where."""
    answer = visitor.follow("GET", url)[-1]
    left = origin_of(answer.location) if answer.location else None
    value = None if answer.location else _shown(answer, settings)
    return SubjectShown(value, answer.status, without_query(answer.url), left)


def saml_answer(address: str, document: bytes, relay_state: str | None) -> Step:
    """A SAML answer on its way back to a system, as the login's own form carries it."""
    form = {"SAMLResponse": base64.b64encode(document).decode()}
    return Step("POST", address, form if relay_state is None else form | {"RelayState": relay_state})


def protocol_of(request: Step) -> str:
    """`saml` if the step carries an AuthnRequest, `oidc` for an authorization request, else an empty text."""
    carried = dict(request.form or {}) | dict.fromkeys(parse_qs(urlsplit(request.url).query), "")
    if "SAMLRequest" in carried:
        return "saml"
    return "oidc" if "client_id" in carried else ""


def _shown(answer: Answer, settings: Mapping[str, object]) -> str | None:
    if "json" in settings:
        return _member(answer, str(settings["json"]))
    if "regex" in settings:
        found = re.search(str(settings["regex"]), answer.text)
        return found.group(found.lastindex or 0) if found else None
    raise NotExercised("capability.settings", "login.subject: json or regex says where the user's id stands")


def _member(answer: Answer, path: str) -> str | None:
    """A member of a JSON body by its dotted path."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        return None
    for name in path.split("."):
        if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict):
            value = value.get(name)
        else:
            return None
    return None if value is None or isinstance(value, dict | list | bool) else str(value)


def _take(visitor: Visitor, step: Step) -> Answer:
    return visitor.ask(step.method, step.url, form=step.form)


def _pressed(form: Form) -> Step:
    address = form.action or ""
    if form.method == "POST":
        return Step("POST", address, form.filled())
    query = urlencode(form.filled())
    return Step("GET", f"{without_query(address)}?{query}" if query else address)


def _asks_for(form: Form, name: str) -> bool:
    return any(one.name == name for one in form.fields)
