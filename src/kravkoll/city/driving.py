"""Drives a system's login at the city's own login, each time in a new browser."""

import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from kravkoll.city.city import City
from kravkoll.city.openid_messages import RelyingParty
from kravkoll.city.saml_messages import SamlRefusal
from kravkoll.probes.http import Visitor
from kravkoll.probes.login import CityLogin, Journey, Step, SubjectShown, protocol_of, read_subject
from kravkoll.record.outcome import Inconclusive, NotExercised


class Place(Protocol):
    """What is known of the system whose login is driven."""

    @property
    def url(self) -> str: ...
    @property
    def timeout_seconds(self) -> float: ...
    def capability(self, name: str) -> Mapping[str, Any]: ...
    def once[T](self, key: object, look: Callable[[], T]) -> T: ...


class Driving:
    """Logins at the city's own login, each in a new browser."""

    def __init__(
        self, subject: Place, city: City, context: ssl.SSLContext, link_words: Iterable[str] = ()
    ) -> None:
        self._subject = subject
        self._city = city
        self.login = CityLogin(city.login_entries, link_words)
        self._context = context
        self.start = subject.url + str(subject.capability("login.start").get("path", "/"))
        self._settings = subject.capability("login.subject")
        self.protected = subject.url + str(self._settings["path"])

    def browser(self) -> Visitor:
        origins = [self._subject.url, *self._city.login_entries]
        return Visitor(self._context, origins, timeout_seconds=self._subject.timeout_seconds)

    def entry(self) -> Journey:
        """Where the start page leads, pressing what looks like the way to log in."""
        return self._subject.once("login.entry", self._find_entry)

    def _find_entry(self) -> Journey:
        with self.browser() as browser:
            return self.login.find_entry(browser, self.start)

    @property
    def protocol(self) -> str:
        """What the system reaches the city's login by; empty where it does not, or by neither."""
        request = self.entry().request
        return protocol_of(request) if request else ""

    def from_protected(self) -> Journey:
        """Where the protected page leads by itself."""
        with self.browser() as browser:
            return self.login.travel(browser, self.protected)

    def nobody(self) -> SubjectShown:
        """What the protected page says before anybody logged in."""
        with self.browser() as browser:
            return self.subject_in(browser)

    def request_in(self, browser: Visitor) -> Journey:
        """A new login up to the city's, in this browser, from the start page or the protected one."""
        entry = self.login.find_entry(browser, self.start)
        return entry if entry.at_login else self.login.travel(browser, self.protected)

    def asked(self, browser: Visitor, protocol: str) -> tuple[Journey, dict[str, str]]:
        """A new login up to the city's in this browser, and what the system asks for there."""
        journey = self.request_in(browser)
        if journey.request is None:
            raise Inconclusive("login.entry-not-found", str(journey.end))
        if protocol_of(journey.request) != protocol:
            raise NotExercised("login.other-protocol", protocol_of(journey.request) or "none")
        query = parse_qs(urlsplit(journey.request.url).query)
        return journey, {name: values[0] for name, values in query.items()} | dict(journey.request.form or {})

    def shown_after(self, browser: Visitor, answer: Step) -> SubjectShown:
        """Who is logged in once this answer was brought, also where the system broke off over it."""
        try:
            self.login.carry(browser, answer)
        except Inconclusive as broken:
            if not broken.reason.code.startswith("subject."):
                raise
        return self.subject_in(browser)

    def logged_in_as(self, persona: str) -> SubjectShown:
        with self.browser() as browser:
            self.login.log_in(browser, self.request_in(browser), persona)
            return self.subject_in(browser)

    def subject_in(self, browser: Visitor) -> SubjectShown:
        return read_subject(browser, self.protected, self._settings)

    def introduce(self) -> None:
        """Tell the city's login of the system, from what it publishes and what its supplier's file says."""
        start = self._subject.capability("login.start")
        if "openid" in start:
            self._register(start["openid"])
        path = start.get("metadata")
        if not path:
            return
        with self.browser() as browser:
            answer = browser.follow("GET", self._subject.url + str(path))[-1]
        try:
            self._city.identity_provider.register_service_provider(answer.body)
        except SamlRefusal as refusal:
            raise Inconclusive("login.metadata", f"{answer}: {refusal}") from refusal

    def _register(self, given: Mapping[str, Any]) -> None:
        """A relying party; its credentials are kept where it has some."""
        if self._city.authorisation_server.client(given["client"]) is None:
            self._city.authorisation_server.register_client(given["client"])
        party = RelyingParty(
            id=given["client"],
            redirect_uris=(self._subject.url + given["redirect"],),
            signing=given.get("signing", "ES256"),
            public=bool(given.get("public")),
        )
        self._city.openid_provider.register(party)
