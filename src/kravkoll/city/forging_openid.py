"""Logins by OpenID Connect in which something is forged: each in a new browser."""

from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.city.forged_openid import ForgedLogin
from kravkoll.probes.login import SubjectShown


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
            asked, query = self._driving.asked(browser, "oidc")
            if forged.bound_by_nonce and "nonce" not in query:
                return None
            persona = self._attacker if forged.own else self._victim
            with self._provider.forging(query["client_id"], forged.about(self._victim)):
                answer = self._driving.login.answered(browser, asked, persona)
                return self._driving.shown_after(browser, answer)

    def in_another_browser(self) -> SubjectShown:
        """The attacker's good answer, brought by a browser that has asked for a login of its own."""
        with self._driving.browser() as attacking, self._driving.browser() as other:
            asked, _ = self._driving.asked(attacking, "oidc")
            answer = self._driving.login.answered(attacking, asked, self._attacker)
            self._driving.asked(other, "oidc")
            return self._driving.shown_after(other, answer)
