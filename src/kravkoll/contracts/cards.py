"""Cards: what a check asserts and what a fault breaks, as data beside the code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from kravkoll.contracts.model import (
    STRICT,
    Area,
    CheckId,
    Effect,
    InterfaceKind,
    Name,
    Need,
    RequirementId,
    Text,
)

type FlowEndName = Literal["sender", "receiver"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LooksAt:
    """What a check has rows for: interfaces of some kinds, ends of flows, or documents of some types."""

    __pydantic_config__ = STRICT
    interfaces: tuple[InterfaceKind, ...] = ()
    protocol: Literal["saml", "oidc"] | None = None
    """Only logins that reach the city's by this protocol, as far as the supplier's file says."""
    absent_flows: bool = False
    """Only interfaces of systems that are an end of a flow that must not exist."""
    flows: tuple[FlowEndName, ...] = ()
    documents: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCard:
    """What a finding code says and how it is mended."""

    __pydantic_config__ = STRICT
    says: Text
    remedy: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCard:
    """One assertion: sentence, requirements, what it needs, its control and its finding codes."""

    __pydantic_config__ = STRICT
    id: CheckId
    sentence: Text
    verifies: tuple[RequirementId, ...]
    catalogue: tuple[str, ...]
    looks_at: LooksAt
    effect: Effect
    why: Text
    source: str
    findings: Annotated[Mapping[str, FindingCard], Field(min_length=1)]
    needs: tuple[Need, ...] = ()
    control: CheckId | None = None
    level: Literal["shall", "should"] = "shall"

    @property
    def area_prefix(self) -> str:
        """`ENC` of `ENC-TLS-02`."""
        return self.id.split("-", 1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFile:
    """suites/<area>/checks.yaml."""

    __pydantic_config__ = STRICT
    area: Area
    checks: tuple[CheckCard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCard:
    """A named defect of a stand-in, and which check must catch it with which finding code."""

    __pydantic_config__ = STRICT
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$")]
    applies_to: Annotated[tuple[Name, ...], Field(min_length=1)]
    sentence: Text
    expect: Annotated[Mapping[CheckId, str], Field(min_length=1)]
    may_change: tuple[CheckId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultFile:
    """mocks/faults/<area>.yaml."""

    __pydantic_config__ = STRICT
    faults: tuple[FaultCard, ...]


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One row of suites/<area>/catalogue.tsv: covered by a check, or excused."""

    id: str
    source: str
    excuse: str = ""


@dataclass(frozen=True, slots=True)
class CardSet:
    """All cards of a workspace."""

    checks: Mapping[str, CheckCard]
    faults: Mapping[str, FaultCard]
    systems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """mocks/<name>.yaml, parsed: what each stand-in is built from."""
