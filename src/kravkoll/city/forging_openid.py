"""Logins by OpenID Connect in which something is forged: each in a new browser."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.city.forged_openid import ForgedLogin
from kravkoll.probes.http import Visitor
from kravkoll.probes.login import Journey, SubjectShown, protocol_of
from kravkoll.record.outcome import Inconclusive, NotExercised


class OpenIdForging:
    """One system's login, tried with answers that are not what they should be."""

    def __init__(self, driving: Driving, city: City, attacker: str, victim: str) -> None:
        self._driving = driving
        self._provider = city.openid_provider
        self._attacker = attacker
        self._victim = victim

    def tried(self, forged: ForgedLogin) -> SubjectShown | None:
        """Who is logged in by it; None where the system's own request gives nothing to forge."""
        with self._driving.browser() as browser:
            asked, query = self._asked(browser)
            if forged.bound_by_nonce and "nonce" not in query:
                return None
            persona = self._attacker if forged.own else self._victim
            with self._provider.forging(query["client_id"], forged.about(self._victim)):
                self._log_in(browser, asked, persona)
            return self._driving.subject_in(browser)

    def in_another_browser(self) -> SubjectShown:
        """The attacker's good answer, brought by a browser that has asked for a login of its own."""
        with self._driving.browser() as attacking, self._driving.browser() as other:
            asked, _ = self._asked(attacking)
            answer = self._driving.login.answered(attacking, asked, self._attacker)
            self._asked(other)
            _unless_broken(lambda: self._driving.login.carry(other, answer))
            return self._driving.subject_in(other)

    def _asked(self, browser: Visitor) -> tuple[Journey, dict[str, str]]:
        """The way up to the city's login in this browser, and what the system asks for there."""
        journey = self._driving.request_in(browser)
        if journey.request is None:
            raise Inconclusive("login.entry-not-found", str(journey.end))
        if protocol_of(journey.request) != "oidc":
            raise NotExercised("login.other-protocol", protocol_of(journey.request) or "none")
        query = {name: values[0] for name, values in parse_qs(urlsplit(journey.request.url).query).items()}
        return journey, query | dict(journey.request.form or {})

    def _log_in(self, browser: Visitor, asked: Journey, persona: str) -> None:
        answer = self._driving.login.answered(browser, asked, persona)
        _unless_broken(lambda: self._driving.login.carry(browser, answer))


def _unless_broken(carry: Callable[[], Journey]) -> None:
    """What counts is who is logged in afterwards, also where the system broke off."""
    try:
        carry()
    except Inconclusive as broken:
        if not broken.reason.code.startswith("subject."):
            raise
