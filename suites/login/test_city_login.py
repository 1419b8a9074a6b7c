"""People log in by the city's login, and by nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kravkoll.cast import Cast
from kravkoll.checks import Finding, Inconclusive, NotMet, check
from kravkoll.checks.subject import Subject, verifying_context
from kravkoll.city.city import City
from kravkoll.city.openid_messages import RelyingParty
from kravkoll.city.saml_messages import SamlRefusal
from kravkoll.probes.http import Visitor
from kravkoll.probes.login import CityLogin, Journey, SubjectShown, protocol_of, read_subject
from kravkoll.probes.ways_in import KnownWays, Surveyor, is_provider

KNOWN = KnownWays(
    **{
        name: tuple(values)
        for name, values in yaml.safe_load(
            Path(__file__).with_name("known_ways.yaml").read_text(encoding="utf-8")
        ).items()
    }
)
USUAL_PERSONAS = ("guardian-a", "guardian-b")
"""Two, so that a system where everybody becomes the same user is seen."""


class Driving:
    """Logins at the city's own login, each in a new browser."""

    def __init__(self, subject: Subject, city: City) -> None:
        self._subject = subject
        self._city = city
        self.login = CityLogin(city.login_entries, KNOWN.link_words)
        self._context = verifying_context(city.ca.anchor_pem + subject.trust)
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

    def logged_in_as(self, persona: str) -> SubjectShown:
        with self.browser() as browser:
            entry = self.login.find_entry(browser, self.start)
            if not entry.at_login:
                entry = self.login.travel(browser, self.protected)
            self.login.log_in(browser, entry, persona)
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


@pytest.fixture
def driving(subject: Subject, city: City) -> Driving:
    return Driving(subject, city)


@check("LOG-SSO-01")
def test_city_login_logs_that_person_in(subject: Subject, city: City, cast: Cast, driving: Driving) -> None:
    accounts = {str(k): str(v) for k, v in subject.capabilities.get("accounts", {}).items()}
    personas = _personas(cast, accounts)
    subject.once("login.introduced", driving.introduce)
    nobody = driving.nobody()
    shown = {persona: driving.logged_in_as(persona) for persona in personas}
    subject.note({persona: {"shown": one.value, "status": one.status} for persona, one in shown.items()})
    expected = {
        persona: frozenset({accounts[persona]}) if persona in accounts else city.identifiers(persona)
        for persona in personas
    }
    wrong = [persona for persona in personas if shown[persona].value not in expected[persona]]
    if not wrong:
        return
    everybody = {name: city.identifiers(name) for name in cast.people}
    for persona in wrong:
        _demand_recognisable(persona, shown, nobody, everybody, agreed=persona in accounts)
    cases = tuple(
        {"logged in": name, "shown": shown[name].value, "status": shown[name].status} for name in wrong
    )
    raise NotMet(
        findings=(
            Finding(
                "oidc.login" if driving.protocol == "oidc" else "SAML-OK-01",
                expected={name: sorted(expected[name]) for name in wrong},
                actual={name: shown[name].value for name in wrong},
                cases=cases,
                failed=len(wrong),
                tried=len(personas),
            ),
        )
    )


@check("LOG-SSO-02")
def test_login_starts_at_the_citys_login(subject: Subject, driving: Driving) -> None:
    protected = driving.from_protected()
    entry = driving.entry()
    subject.note({"protected": protected.described(), "start": entry.described()})
    if not protected.at_login:
        shown = driving.nobody()
        if shown.value is not None:
            raise NotMet(
                "SAML-ENTRY-01", expected="the city's login", actual={"shown without login": shown.value}
            )
        _judge_elsewhere(protected, is_refusal=_refuses(protected, shown))
    if not protected.at_login and not entry.at_login:
        _judge_elsewhere(entry, is_refusal=False)
    request = protected.request or entry.request
    if request is not None and not protocol_of(request):
        raise Inconclusive("login.unknown-protocol", "the city's login is reached without a request")


@check("LOG-SSO-03")
def test_no_login_of_its_own(subject: Subject, driving: Driving) -> None:
    with driving.browser() as browser:
        surveyor = Surveyor(browser, driving.login, KNOWN, subject.url)
        survey = surveyor.survey([driving.start, driving.protected])
    subject.note({"looked at": list(survey.looked_at), "not seen": dict(survey.unseen)})
    if survey.ways:
        cases = tuple({"kind": way.kind, "page": way.page, "form": way.detail} for way in survey.ways)
        raise NotMet(
            findings=(
                Finding(
                    "SAML-ENTRY-02",
                    expected="no login but the city's",
                    actual=[f"{way.kind}: {way.page}" for way in survey.ways],
                    cases=cases,
                    failed=len({way.page for way in survey.ways}),
                    tried=len(survey.looked_at),
                ),
            )
        )
    # no form where there is no login to be seen at all would prove nothing
    if not driving.entry().at_login and not driving.from_protected().at_login:
        raise Inconclusive("login.entry-not-found", str(driving.entry().end))
    if survey.unseen:
        address, code = next(iter(survey.unseen.items()))
        raise Inconclusive(code, f"{address} and {len(survey.unseen) - 1} more")


def _personas(cast: Cast, accounts: Mapping[str, str]) -> tuple[str, ...]:
    """Those with an account at this supplier, else the usual ones; two where there are two."""
    usual = [name for name in USUAL_PERSONAS if name in cast.people]
    chosen = [name for name in accounts if name in cast.people] or usual or list(cast.people)
    if not chosen:
        raise Inconclusive("cast.empty", "nobody to log in as")
    return tuple(chosen[:2])


def _demand_recognisable(
    persona: str,
    shown: Mapping[str, SubjectShown],
    nobody: SubjectShown,
    everybody: Mapping[str, frozenset[str]],
    *,
    agreed: bool,
) -> None:
    """Inconclusive unless what is shown proves that the wrong person, or nobody, is logged in."""
    value = shown[persona].value
    if value is None:
        if not shown[persona].looks_like(nobody):
            raise Inconclusive(
                "login.subject-not-found", f"{shown[persona].ended_at}: {shown[persona].status}"
            )
        return
    others = [one.value for name, one in shown.items() if name != persona]
    known = any(value in names for name, names in everybody.items() if name != persona)
    if not (agreed or known or value in others):
        raise Inconclusive(
            "accounts.unknown", f"{persona} is shown as {value!r}: `accounts` does not say whose that is"
        )


def _refuses(journey: Journey, shown: SubjectShown) -> bool:
    """No redirect to the login but no way in either: a status, or data that names nobody."""
    return journey.end.status in {401, 403} or (not journey.pages and shown.status == 200)


def _judge_elsewhere(journey: Journey, *, is_refusal: bool) -> None:
    """What it means that a journey did not come to the city's login; silent if it is a plain refusal."""
    if journey.left_to and not is_provider(journey.left_to, KNOWN.providers):
        raise Inconclusive("host.not-declared", journey.left_to)
    if is_refusal:
        return
    if journey.end.status >= 500:
        raise Inconclusive("subject.error", str(journey.end))
    if journey.end.status in {404, 429}:
        raise Inconclusive("subject.status", str(journey.end))
    if journey.is_out_of_sight:
        raise Inconclusive("subject.script", str(journey.end))
    raise NotMet("SAML-ENTRY-01", expected="the city's login", actual=journey.described())
