"""Documents that a supplier hands over with its system, and how they come to be worthless."""

from dataclasses import replace
from datetime import date, timedelta

from kravkoll.contracts.model import Condition, EvidenceDocument, Text
from kravkoll.standins.faults import fault


def hand_over(kind: str, supplier: str, today: date) -> EvidenceDocument:
    """A document of that kind that is accepted and holds today."""
    return EvidenceDocument(
        id=f"EV-{supplier}-{kind}".upper(),
        type=kind,
        requirements=(),
        supplier=supplier,
        scope="simulated",
        issuer=supplier,
        verdict="accepted",
        assurance="E",
        issued=today - timedelta(days=30),
        valid_until=today + timedelta(days=335),
        max_age_days=365,
        next_review=today + timedelta(days=300),
        reviewed_at=today - timedelta(days=20),
    )


@fault("document.expired", replaces=hand_over)
def hand_over_expired(kind: str, supplier: str, today: date) -> EvidenceDocument:
    return replace(hand_over(kind, supplier, today), valid_until=today - timedelta(days=1))


@fault("document.aged", replaces=hand_over)
def hand_over_aged(kind: str, supplier: str, today: date) -> EvidenceDocument:
    return replace(hand_over(kind, supplier, today), issued=today - timedelta(days=366))


@fault("document.unreviewed", replaces=hand_over)
def hand_over_unreviewed(kind: str, supplier: str, today: date) -> EvidenceDocument:
    late = today - timedelta(days=31)
    return replace(hand_over(kind, supplier, today), next_review=late, grace_days=30)


@fault("document.rejected", replaces=hand_over)
def hand_over_rejected(kind: str, supplier: str, today: date) -> EvidenceDocument:
    return replace(hand_over(kind, supplier, today), verdict="rejected")


@fault("document.condition", replaces=hand_over)
def hand_over_with_broken_condition(kind: str, supplier: str, today: date) -> EvidenceDocument:
    condition = Condition(
        text=Text(sv="Rutinen ska kompletteras.", en="The routine is to be completed."),
        due=today - timedelta(days=1),
    )
    return replace(hand_over(kind, supplier, today), verdict="conditional", conditions=(condition,))
