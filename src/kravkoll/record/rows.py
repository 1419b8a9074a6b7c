"""A row of the plan: one check at one place of one supplier, known before anything runs."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from kravkoll.record.outcome import Finding, Outcome, Reason

type RowKind = Literal["interface", "flow", "document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`CHECK@system/interface`, `CHECK@flow/end` or `CHECK@supplier/document`."""

    check: str
    supplier: str
    kind: RowKind
    place: str
    """System, flow or supplier."""
    part: str
    """Interface, end or document type."""
    system: str = ""
    """The system that answers for the row; empty for a document."""
    requirements: tuple[str, ...]
    effect: str = "read"
    needs: tuple[str, ...] = ()
    control: str = ""
    """Id of the control's row, empty for a control."""
    advice: bool = False
    """Newer than the frozen plan that the run follows: it is run and told, and counts for nothing."""

    @property
    def id(self) -> str:
        """The row's name everywhere: pytest item, JUnit name, Allure id."""
        return f"{self.check}@{self.place}/{self.part}"

    def line(self) -> dict[str, Any]:
        """The row as a record line."""
        return {"type": "plan", "row": self.id, **asdict(self)}

    @classmethod
    def from_line(cls, line: dict[str, Any]) -> Self:
        """The row of a record line."""
        fields = {name: line[name] for name in cls.__dataclass_fields__ if name in line}  # older: no advice
        return cls(**{**fields, "requirements": tuple(line["requirements"]), "needs": tuple(line["needs"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a row ended with."""

    row: str
    outcome: Outcome
    reason: Reason | None = None
    findings: tuple[Finding, ...] = ()
    observation: str = ""
    """One sentence of what was seen, or of what went wrong on our side."""
    evidence: tuple[str, ...] = ()
    grade: str = ""
    """A-C of the environment, D or E of a document."""
    seconds: float = 0.0
    beside: tuple[str, ...] = field(default=())
    """Faults of ours beside the outcome, such as a failing teardown."""

    def line(self, kind: str = "result") -> dict[str, Any]:
        """The result as a record line; `waiting` is a result that its control may still turn over."""
        plain = asdict(self)
        plain["outcome"] = str(self.outcome)
        return {"type": kind, **plain}

    @classmethod
    def from_line(cls, line: dict[str, Any]) -> Self:
        """The result of a record line."""
        fields = {name: line[name] for name in cls.__dataclass_fields__}
        fields["outcome"] = Outcome(line["outcome"])
        fields["reason"] = Reason(**line["reason"]) if line["reason"] else None
        fields["findings"] = tuple(Finding(**{**f, "cases": tuple(f["cases"])}) for f in line["findings"])
        for name in ("evidence", "beside"):
            fields[name] = tuple(line[name])
        return cls(**fields)
