"""Two of the cast, one of whom wants to be the other at a system's login: who came in?"""

from collections.abc import Mapping
from dataclasses import dataclass

from kravkoll.city.city import City
from kravkoll.probes.login import SubjectShown
from kravkoll.record.outcome import Inconclusive

VICTIM, ATTACKER = "guardian-a", "guardian-b"
REFUSALS = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Impersonation:
    """What the system calls the two, and what it shows where nobody is logged in."""

    nobody: SubjectShown
    victim: frozenset[str]
    attacker: frozenset[str]

    def who(self, shown: SubjectShown) -> str:
        """`victim`, `attacker` or `somebody`; empty for nobody. Inconclusive where it cannot be told."""
        if shown.value is None or shown.value == self.nobody.value:
            if not (shown.looks_like(self.nobody) or shown.status in REFUSALS):
                raise Inconclusive("login.subject-not-found", f"{shown.ended_at}: {shown.status}")
            return ""
        if shown.value in self.victim:
            return "victim"
        return "attacker" if shown.value in self.attacker else "somebody"

    def believed(self, shown: SubjectShown, *, own: bool) -> str:
        """As `who`, but empty too where the attacker came in by an answer that was his `own`."""
        who = self.who(shown)
        return "" if own and who != "victim" else who


def names_of(city: City, accounts: Mapping[str, str], persona: str) -> frozenset[str]:
    """What the system may call this person."""
    return frozenset({str(accounts[persona])}) if persona in accounts else city.identifiers(persona)
