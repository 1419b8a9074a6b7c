"""Judges documents at a day, and what was found in delivered code."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from kravkoll.contracts.model import Condition, EvidenceDocument
from kravkoll.record.outcome import Finding, Inconclusive, NotExercised, NotMet

LEVELS = ("low", "medium", "high")


def expires(document: EvidenceDocument) -> date | None:
    """The last day on which the document holds; None where nothing limits it."""
    ends = [document.valid_until]
    if document.max_age_days is not None:
        ends.append(document.issued + timedelta(days=document.max_age_days))
    if document.next_review is not None:
        ends.append(document.next_review + timedelta(days=document.grace_days))
    return min((end for end in ends if end is not None), default=None)


def judge_document(document: EvidenceDocument | None, as_of: date) -> EvidenceDocument:
    """The document, where it is accepted and holds on that day; NotMet or NotExercised elsewhere.

    It is read as it stood on the day: not yet issued is absent, not yet reviewed is pending.
    """
    if document is None or _begins(document) > as_of:
        raise NotExercised("document.absent", document.id if document else "")
    reviewed = document.reviewed_at is None or document.reviewed_at <= as_of
    if document.verdict == "pending" or not reviewed:
        raise NotExercised("document.pending", document.id)
    if document.verdict == "rejected":
        raise NotMet("document.rejected", expected="accepted", actual=_told(document))
    _still_holds(document, as_of)
    _conditions_kept(document, as_of)
    return document


def current(
    documents: Iterable[EvidenceDocument], supplier: str, kind: str, as_of: date
) -> EvidenceDocument | None:
    """The document that speaks for the supplier on that day.

    A newer one replaces an older one only when it is accepted: sending in a draft must not undo what holds.
    """
    own = [
        document
        for document in documents
        if (document.supplier, document.type) == (supplier, kind) and _begins(document) <= as_of
    ]
    replaced = {document.supersedes for document in own if _accepted(document, as_of)}
    standing = [document for document in own if document.id not in replaced]
    return max(
        standing, key=lambda d: (_accepted(d, as_of), d.verdict == "rejected", d.issued, d.id), default=None
    )


def _begins(document: EvidenceDocument) -> date:
    return max(document.issued, document.valid_from or document.issued)


def _accepted(document: EvidenceDocument, as_of: date) -> bool:
    reviewed = document.reviewed_at is None or document.reviewed_at <= as_of
    return reviewed and document.verdict in ("accepted", "conditional")


def _still_holds(document: EvidenceDocument, as_of: date) -> None:
    end = expires(document)
    if end is not None and as_of > end:
        raise NotMet(
            "document.expired", expected=f"valid on {as_of.isoformat()}", actual=_told(document, end)
        )


def _conditions_kept(document: EvidenceDocument, as_of: date) -> None:
    if document.verdict != "conditional":
        return
    if not document.conditions:
        raise NotExercised("document.pending", f"{document.id}: accepted on conditions that are not written")
    late = [condition for condition in document.conditions if _overdue(condition, as_of)]
    if late:
        cases = tuple({"condition": c.text.sv, "due": c.due.isoformat()} for c in late)
        finding = Finding(
            "document.condition-overdue",
            expected="every condition closed when due",
            actual=_told(document),
            cases=cases,
            failed=len(late),
            tried=len(document.conditions),
        )
        raise NotMet(findings=(finding,))


def _overdue(condition: Condition, as_of: date) -> bool:
    closed = condition.closed is not None and condition.closed <= as_of
    return condition.due < as_of and not closed


def _told(document: EvidenceDocument, end: date | None = None) -> dict[str, str]:
    told = {"document": document.id, "verdict": document.verdict, "issued": document.issued.isoformat()}
    return told | ({"expired": end.isoformat()} if end else {})


class Flaw(Protocol):
    """A weakness that a static examination found; severity and confidence are low, medium or high."""

    @property
    def rule(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def confidence(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...


class Examined(Protocol):
    """A delivered component after the examination: files read, weaknesses, code that could not be read."""

    @property
    def files(self) -> Sequence[str]: ...
    @property
    def flaws(self) -> Sequence[Flaw]: ...
    @property
    def opaque(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Threshold:
    """What the agreement counts as a weakness: at least this severe, and at least this certain."""

    severity: str = "medium"
    confidence: str = "medium"

    def __post_init__(self) -> None:
        for word in (self.severity, self.confidence):
            if word not in LEVELS:
                raise NotExercised("capability.invalid", f"delivery: {word!r} is not low, medium or high")

    def reached(self, flaw: Flaw) -> bool:
        """True where the flaw counts."""
        return _at_least(flaw.severity, self.severity) and _at_least(flaw.confidence, self.confidence)


def judge_delivery(delivery: Examined, threshold: Threshold) -> None:
    """Return where no flaw counts and all code was read; raise NotMet or Inconclusive elsewhere."""
    counting = [flaw for flaw in delivery.flaws if threshold.reached(flaw)]
    if counting:
        finding = Finding(
            "delivery.flaw",
            expected=f"nothing of severity {threshold.severity} or higher",
            actual=sorted({flaw.rule for flaw in counting}),
            cases=tuple(_case(flaw) for flaw in counting),
            failed=len({flaw.file for flaw in counting}),
            tried=len(delivery.files),
        )
        raise NotMet(findings=(finding,))
    if delivery.opaque:
        shown = ", ".join(delivery.opaque[:5])
        raise Inconclusive(
            "delivery.opaque", f"{len(delivery.opaque)} files whose code cannot be read: {shown}"
        )


def _at_least(word: str, limit: str) -> bool:
    """A level that nobody has heard of counts: it is not ours to drop."""
    return word not in LEVELS or LEVELS.index(word) >= LEVELS.index(limit)


def _case(flaw: Flaw) -> dict[str, object]:
    return {
        "file": flaw.file,
        "line": flaw.line,
        "rule": flaw.rule,
        "severity": flaw.severity,
        "confidence": flaw.confidence,
        "says": flaw.says,
    }
