"""Nobody is logged in by an OpenID Connect answer that is not for that person, system, browser and moment."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from kravkoll.cast import Cast
from kravkoll.checks import Finding, Inconclusive, NotMet, Subject, check
from kravkoll.city.city import City
from kravkoll.city.driving import Driving
from kravkoll.city.forged_openid import FORGED_LOGINS, HONEST, ForgedLogin
from kravkoll.city.forging_openid import OpenIdForging
from kravkoll.probes.login import SubjectShown

VICTIM, ATTACKER = "guardian-a", "guardian-b"


@dataclass(frozen=True, slots=True)
class Trying:
    """Forged logins at one system, and whom each of them logged in."""

    subject: Subject
    forging: OpenIdForging
    nobody: SubjectShown
    victim: frozenset[str]

    def require_good(self) -> None:
        """Inconclusive unless an honest login by the same way ends with the right person."""
        shown = self.subject.once("login.oidc.good", lambda: self.forging.tried(HONEST))
        if shown is None or shown.value not in self.victim:
            raise Inconclusive("login.no-good-answer", "an honest login with OpenID Connect")

    def who(self, shown: SubjectShown) -> str:
        """`victim` or `somebody`; empty for nobody. Inconclusive where it cannot be told."""
        if shown.value is None or shown.value == self.nobody.value:
            if not (shown.looks_like(self.nobody) or shown.status in {401, 403}):
                raise Inconclusive("login.subject-not-found", f"{shown.ended_at}: {shown.status}")
            return ""
        return "victim" if shown.value in self.victim else "somebody"

    def believed(self, forged: ForgedLogin) -> str:
        """Who was logged in that must not be; empty where it was refused, or could not be forged."""
        shown = self.forging.tried(forged)
        who = self.who(shown) if shown else ""
        return "" if forged.own and who != "victim" else who


@pytest.fixture
def trying(subject: Subject, city: City, cast: Cast, driving: Driving) -> Trying:
    if not {VICTIM, ATTACKER} <= set(cast.people):
        raise Inconclusive("cast.empty", "two guardians")
    subject.once("login.introduced", driving.introduce)
    accounts: Mapping[str, str] = subject.capabilities.get("accounts", {})
    own = frozenset({str(accounts[VICTIM])}) if VICTIM in accounts else city.identifiers(VICTIM)
    nobody = subject.once("login.nobody", driving.nobody)
    return Trying(subject, OpenIdForging(driving, city, ATTACKER, VICTIM), nobody, own)


@check("LOG-OID-01")
def test_an_id_token_is_verified_in_all_it_says(trying: Trying) -> None:
    trying.require_good()
    believed = {name: trying.believed(forged) for name, forged in FORGED_LOGINS.items()}
    trying.subject.note(believed)
    taken = {name: who for name, who in believed.items() if who}
    if not taken:
        return
    findings = []
    for row in dict.fromkeys(FORGED_LOGINS[name].row for name in taken):
        cases = tuple(
            {"ID token": name, "logged in": who}
            for name, who in taken.items()
            if FORGED_LOGINS[name].row == row
        )
        tried = sum(forged.row == row for forged in FORGED_LOGINS.values())
        findings.append(
            Finding(row, "nobody logged in by it", list(cases), cases=cases, failed=len(cases), tried=tried)
        )
    raise NotMet(findings=tuple(findings))


@check("LOG-OID-02")
def test_an_answer_counts_only_in_the_browser_that_asked(trying: Trying) -> None:
    trying.require_good()
    who = trying.who(trying.forging.in_another_browser())
    trying.subject.note({"logged in in another browser": who})
    if who:
        raise NotMet("OIDC-RES-03", expected="nobody logged in", actual=who)
