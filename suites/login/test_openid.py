"""Nobody is logged in by an OpenID Connect answer that is not for that person, system, browser and moment."""

from dataclasses import dataclass

import pytest

from kravkoll.checks import Inconclusive, NotMet, Subject, check
from kravkoll.checks.forgeries import findings_by_row
from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.city.forged_openid import FORGED_LOGINS, HONEST, ForgedLogin
from kravkoll.city.forging_openid import OpenIdForging
from kravkoll.city.impersonation import ATTACKER, VICTIM, Impersonation


@dataclass(frozen=True, slots=True)
class Trying:
    """Forged logins at one system, and whom each of them logged in."""

    subject: Subject
    forging: OpenIdForging
    persons: Impersonation

    def require_good(self) -> None:
        """Inconclusive unless an honest login by the same way ends with the right person."""
        shown = self.subject.once("login.oidc.good", lambda: self.forging.tried(HONEST))
        if shown is None or shown.value not in self.persons.victim:
            raise Inconclusive("login.no-good-answer", "an honest login with OpenID Connect")

    def believed(self, forged: ForgedLogin) -> str:
        """Who was logged in that must not be; empty where it was refused, or could not be forged."""
        shown = self.forging.tried(forged)
        return self.persons.believed(shown, own=forged.own) if shown else ""


@pytest.fixture
def trying(subject: Subject, city: City, driving: Driving, impersonation: Impersonation) -> Trying:
    return Trying(subject, OpenIdForging(driving, city, ATTACKER, VICTIM), impersonation)


@check("LOG-OID-01")
def test_an_id_token_is_verified_in_all_it_says(trying: Trying) -> None:
    trying.require_good()
    believed = {name: trying.believed(forged) for name, forged in FORGED_LOGINS.items()}
    trying.subject.note(believed)
    cases = {name: {"ID token": name, "logged in": who} for name, who in believed.items() if who}
    if cases:
        rows = {name: forged.row for name, forged in FORGED_LOGINS.items()}
        raise NotMet(findings=findings_by_row(rows, cases, "nobody logged in by it"))


@check("LOG-OID-02")
def test_an_answer_counts_only_in_the_browser_that_asked(trying: Trying) -> None:
    trying.require_good()
    who = trying.persons.who(trying.forging.in_another_browser())
    trying.subject.note({"logged in in another browser": who})
    if who:
        raise NotMet("OIDC-RES-03", expected="nobody logged in", actual=who)
