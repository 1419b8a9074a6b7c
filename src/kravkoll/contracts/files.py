"""The shape of each kind of file in contracts/."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kravkoll.contracts import model
from kravkoll.contracts.model import STRICT

EnvironmentFile = model.Environment
ProfileFile = model.Profile
SupplierFile = model.Supplier


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementFile:
    """contracts/requirements/*.yaml; `defaults` fills what a requirement leaves out."""

    __pydantic_config__ = STRICT
    requirements: tuple[model.Requirement, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedFile:
    """contracts/requirements/seed/*.yaml: sentences of the source that are no requirement, and why."""

    __pydantic_config__ = STRICT
    document: str
    date: dt.date
    rows: int
    not_requirements: tuple[model.NotARequirement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementFile:
    """contracts/agreements/*.yaml."""

    __pydantic_config__ = STRICT
    agreements: tuple[model.Agreement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFile:
    """contracts/flows.yaml: the flow register and the systems of record."""

    __pydantic_config__ = STRICT
    flows: tuple[model.Flow, ...]
    systems_of_record: tuple[model.SystemOfRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceFile:
    """contracts/acceptance.yaml."""

    __pydantic_config__ = STRICT
    rules: tuple[model.AcceptanceRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverFile:
    """contracts/waivers.yaml."""

    __pydantic_config__ = STRICT
    waivers: tuple[model.Waiver, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """contracts/evidence/*.yaml."""

    __pydantic_config__ = STRICT
    documents: tuple[model.EvidenceDocument, ...]
