"""What a check raised, as an outcome: only evidence says no, and our faults are ours."""

import pytest

from kravkoll.contracts.cards import CheckCard, FindingCard, LooksAt
from kravkoll.contracts.model import Text
from kravkoll.record.outcome import Finding, Inconclusive, NotExercised, NotMet, Outcome
from kravkoll.runner.judging import judge

TEXT = Text(sv="Text.", en="Text.")
CARD = CheckCard(
    id="ENC-TLS-02", sentence=TEXT, verifies=("ENC-01",), catalogue=(), looks_at=LooksAt(interfaces=("api",)),
    effect="read", why=TEXT, source="RFC 8996", findings={"proto.tls10": FindingCard(says=TEXT, remedy=TEXT)},
)  # fmt: skip


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (None, Outcome.MET),
        (NotMet("proto.tls10", expected=1, actual=2), Outcome.NOT_MET),
        (Inconclusive("subject.timeout"), Outcome.INCONCLUSIVE),
        (NotExercised("capability.missing", "seed"), Outcome.NOT_EXERCISED),
        (AssertionError("x"), Outcome.ERROR),
        (KeyError("x"), Outcome.ERROR),
        (NotMet("proto.unheard-of"), Outcome.ERROR),
        (ExceptionGroup("two", [NotMet("proto.tls10"), NotMet("proto.tls10")]), Outcome.NOT_MET),
        (
            ExceptionGroup("mixed", [NotMet("proto.tls10"), Inconclusive("subject.reset")]),
            Outcome.INCONCLUSIVE,
        ),
        (ExceptionGroup("ours", [NotMet("proto.tls10"), ValueError("x")]), Outcome.ERROR),
    ],
)
def test_outcomes(raised: BaseException | None, outcome: Outcome) -> None:
    assert judge(raised, CARD).outcome is outcome


def test_our_error_tells_what_it_was() -> None:
    assert judge(KeyError("audience"), CARD).observation == "KeyError: 'audience'"


def test_all_findings_are_kept() -> None:
    several = NotMet(findings=(Finding("proto.tls10", 1), Finding("proto.tls10", 2)))
    assert [finding.expected for finding in judge(several, CARD).findings] == [1, 2]


def test_a_not_met_without_finding_cannot_be_raised() -> None:
    with pytest.raises(ValueError, match="finding code"):
        NotMet()
