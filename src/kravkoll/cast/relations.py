"""Who is what to which child."""

from dataclasses import dataclass
from enum import StrEnum


class RelationType(StrEnum):
    """The terms of SS 12000."""

    GUARDIAN = "Vårdnadshavare"
    OTHER = "Annan ansvarig"
    """A contact without custody, who has no right to what guardians may see."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One adult's part in one child's life; both by persona."""

    child: str
    adult: str
    kind: RelationType = RelationType.GUARDIAN
