"""From what a check raised to an outcome. Pure: no pytest, no files."""

from collections.abc import Iterator
from dataclasses import dataclass

from kravkoll.contracts.cards import CheckCard
from kravkoll.record.outcome import Finding, NotMet, Outcome, Reason, Unjudged


@dataclass(frozen=True, slots=True)
class Judgement:
    """An outcome with what it rests on."""

    outcome: Outcome
    reason: Reason | None = None
    findings: tuple[Finding, ...] = ()
    observation: str = ""


MET = Judgement(Outcome.MET)


def judge(error: BaseException | None, card: CheckCard) -> Judgement:
    """The judgement of one phase of a check; no exception is met, an unforeseen one is our fault."""
    if error is None:
        return MET
    raised = list(_leaves(error))
    if all(isinstance(leaf, NotMet) for leaf in raised):
        return _not_met([leaf for leaf in raised if isinstance(leaf, NotMet)], card)
    unjudged = [leaf for leaf in raised if isinstance(leaf, Unjudged)]
    if unjudged and all(isinstance(leaf, (NotMet, Unjudged)) for leaf in raised):
        return Judgement(unjudged[0].outcome, unjudged[0].reason)
    return our_error("check.failed", raised[0])


def our_error(code: str, error: BaseException | str) -> Judgement:
    """Our own fault, named by the exception."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return Judgement(Outcome.ERROR, Reason(code), observation=text[:2000])


def _not_met(raised: list[NotMet], card: CheckCard) -> Judgement:
    findings = tuple(finding for error in raised for finding in error.findings)
    unknown = sorted({finding.code for finding in findings} - set(card.findings))
    if unknown:
        return our_error(
            "check.unknown-finding", f"{card.id} has no finding {', '.join(unknown)} on its card"
        )
    return Judgement(Outcome.NOT_MET, findings=findings)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Hypothesis raises a group where it found several counterexamples."""
    if isinstance(error, BaseExceptionGroup):
        for child in error.exceptions:
            yield from _leaves(child)
    else:
        yield error
