"""What can be said of a row, and the ways in which a row can fail to be said anything of."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What one row ended with. The last four carry a reason code."""

    MET = "met"
    NOT_MET = "not-met"
    INCONCLUSIVE = "inconclusive"
    """We tried and could not see."""
    NOT_EXERCISED = "not-exercised"
    """A control, a capability or a permission was missing, so we did not try."""
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"
    """Our own fault."""


class Verdict(StrEnum):
    """What a requirement is for a supplier, rolled up from its rows and documents."""

    MET = "met"
    NOT_MET = "not-met"
    NOT_TESTED = "not-tested"
    NOT_APPLICABLE = "not-applicable"
    ATTESTED = "attested"
    WAIVED = "waived"


class Grade(StrEnum):
    """How good the evidence is: A and B live, C simulated, D and E documents."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a check says no: a stable code, and what was expected against what was seen.

    `expected`, `actual` and each of `cases` are JSON values; `failed` of `tried` cases failed.
    """

    code: str
    expected: object = None
    actual: object = None
    cases: tuple[object, ...] = ()
    failed: int = 1
    tried: int = 1


class NotMet(Exception):
    """Raised by a check when the subject breaks the assertion; may carry several findings."""

    def __init__(
        self,
        code: str | None = None,
        *,
        expected: object = None,
        actual: object = None,
        findings: tuple[Finding, ...] = (),
    ) -> None:
        first = (Finding(code, expected, actual),) if code else ()
        self.findings = first + tuple(findings)
        if not self.findings:
            raise ValueError("NotMet needs a finding code or findings")
        super().__init__("; ".join(f.code for f in self.findings))


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nothing is said of a row: a stable code such as `capability.missing`, and what of."""

    code: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.code}:{self.detail}" if self.detail else self.code


class Unjudged(Exception):
    """Base of the ways to say neither yes nor no; never a finding."""

    outcome: Outcome

    def __init__(self, code: str, detail: str = "") -> None:
        self.reason = Reason(code, detail)
        super().__init__(str(self.reason))


class Inconclusive(Unjudged):
    """Raised by probes that could not see: host down, timeout, garbage, an intercepted handshake."""

    outcome = Outcome.INCONCLUSIVE


class NotExercised(Unjudged):
    """Raised where something needed is missing: a capability, a secret, a control, a permission."""

    outcome = Outcome.NOT_EXERCISED
