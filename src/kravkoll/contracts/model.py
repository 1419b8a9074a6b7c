"""What a workspace holds, as frozen values. The JSON Schemas in contracts/schema/ are made from these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

type Area = Literal["encryption", "login", "schema", "data_rights", "secrecy", "flows", "routines"]
type Level = Literal["shall", "should"]
type Basis = Literal["contract", "law", "practice", "interpretation", "proposal"]
type Verification = Literal["test", "document", "both"]
type GradeLetter = Literal["A", "B", "C", "D", "E"]
type SchoolForm = Literal["FS", "FKLASS", "FTH", "GR", "GRS", "GY", "GYS", "VUX"]
type AgreementStatus = Literal["in-force", "ending", "may-be-replaced", "not-procured"]
type FlowStatus = Literal["exists", "to-be-created", "ending", "implied", "future", "required", "absent"]
type InterfaceKind = Literal["api", "login", "web", "client", "export", "delivery", "document"]
type Capability = Literal[
    "tls.endpoint", "tls.client-certificate", "http.origin", "openapi.document", "api.token", "login.start",
    "login.subject",
    "login.logout", "accounts", "seed", "write", "clock", "restart", "reload-metadata", "client.trigger",
    "client.waiting", "export.start", "export.fetch", "webhook", "audit.query", "capture", "delivery",
    "schedule.view",
]  # fmt: skip
type Need = Capability | Literal["outbound", "inbound", "account", "document", "real-idp"]
type Effect = Literal["read", "write", "load", "cross-user"]
type Phase = Literal["tender", "test-delivery", "acceptance", "yearly"]
type EnvironmentKind = Literal["simulated", "test", "production"]
type CityParty = Literal["authorisation-server", "identity-provider", "openid-provider", "register"]

AREAS: Mapping[str, str] = {
    "encryption": "ENC",
    "login": "LOG",
    "schema": "SCH",
    "data_rights": "DAT",
    "secrecy": "SEC",
    "flows": "FLO",
    "routines": "ROU",
}

STRICT = ConfigDict(extra="forbid", use_attribute_docstrings=True)

RequirementId = Annotated[
    str, Field(pattern=r"^(ENC|LOG|SCH|DAT|SEC|FLO|ROU)-(\d{2}|K[A-Z0-9]+(\.[A-Z0-9]+)*)$")
]
"""Two digits: a demand of the package's catalogue, such as `ENC-01`. `K` and the city's own number, such as
`ENC-K3.1.4`: a demand of that city, which no check verifies until `like` or `checks` says so."""
CheckId = Annotated[str, Field(pattern=r"^(ENC|LOG|SCH|DAT|SEC|FLO|ROU)-[A-Z]{3}-\d{2}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
SeedRow = Annotated[str, Field(pattern=r"^S\d{2}$")]
Sentence = Annotated[str, Field(min_length=3)]
Secret = Annotated[str, Field(pattern=r"^(env|file):.+$")]
"""Where a secret stands: `env:NAME` or `file:PATH`; never the secret itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One sentence in the two languages of the reports."""

    __pydantic_config__ = STRICT
    sv: Sentence
    en: Sentence

    def in_language(self, language: str) -> str:
        """The sentence in `sv` or `en`."""
        return self.sv if language == "sv" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a requirement is written."""

    __pydantic_config__ = STRICT
    seed: tuple[SeedRow, ...] = ()
    quote: str = ""
    clause: str = ""
    register: str = ""
    """Registration number in the city's diary."""
    number: str = ""
    """The city's own number, as it stands in its requirement specification."""
    row: str = ""
    """Where it stands there, such as `kravspec.xlsx!Krav!B14`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Who decided that an interpretation or a practice gates, and when."""

    __pydantic_config__ = STRICT
    by: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Applies:
    """Which agreements, systems and interface kinds a requirement selects; empty means all."""

    __pydantic_config__ = STRICT
    agreements: tuple[Name, ...] = ()
    systems: tuple[Name, ...] = ()
    interfaces: tuple[InterfaceKind, ...] = ()
    flows: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One sentence of what was agreed."""

    __pydantic_config__ = STRICT
    id: RequirementId
    text: Text
    level: Level
    area: Area
    basis: Basis
    verify: Verification
    source: Source
    valid_from: Annotated[date, Field(alias="from")]
    valid_to: Annotated[date | None, Field(alias="to")] = None
    lowest_grade: GradeLetter | None = None
    """Silent means B for a test and E for a document."""
    adopted: Adoption | None = None
    applies: Applies = Applies()
    unchecked: Text | None = None
    """Why no check verifies this requirement yet."""
    like: tuple[RequirementId, ...] = ()
    """Demands of the package's catalogue that this one equals: what verifies those, verifies this."""
    checks: tuple[CheckId, ...] = ()
    """Checks that verify this requirement beside those that name it."""
    tags: tuple[str, ...] = ()

    @property
    def gates(self) -> bool:
        """Contract and law gate by themselves; practice and interpretation once adopted; a proposal never."""
        if self.level != "shall" or self.basis == "proposal":
            return False
        return self.basis in ("contract", "law") or self.adopted is not None

    def in_force(self, day: date) -> bool:
        """True where the requirement is in force on that day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Who delivers what, for which school forms, from when to when."""

    __pydantic_config__ = STRICT
    id: Name
    title: Text
    supplier: Name
    systems: tuple[Name, ...]
    school_forms: tuple[SchoolForm, ...]
    status: AgreementStatus
    source: Source
    valid_from: Annotated[date | None, Field(alias="from")] = None
    valid_to: Annotated[date | None, Field(alias="to")] = None
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One face of a system, and what it can do: capability to settings."""

    __pydantic_config__ = STRICT
    id: Name
    kind: InterfaceKind
    capabilities: Mapping[Capability, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What a supplier delivers."""

    __pydantic_config__ = STRICT
    id: Name
    name: str
    functions: Text
    interfaces: tuple[Interface, ...]
    product_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """Who delivers: one file a supplier."""

    __pydantic_config__ = STRICT
    id: Name
    name: str
    systems: tuple[System, ...]
    organisation_number: str = ""
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Data going from one system to another; status `absent` means that it must not exist, either way."""

    __pydantic_config__ = STRICT
    id: Name
    sender: str
    receiver: str
    status: FlowStatus
    purpose: Text
    source: Source
    carries: tuple[str, ...] = ()
    must_not_carry: tuple[str, ...] = ()
    school_forms: tuple[SchoolForm, ...] = ()
    verbs: tuple[Literal["read", "write"], ...] = ()
    manifest: str = ""
    """File under contracts/apis/ that lists operations and fields."""
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemOfRecord:
    """Which system owns a kind of fact for a school form."""

    __pydantic_config__ = STRICT
    fact: Name
    school_form: SchoolForm
    system: Name
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What one phase of an acceptance rule demands."""

    __pydantic_config__ = STRICT
    phase: Phase
    gating: Literal["all", "listed"] = "all"
    """`all`: every gating requirement in force; `listed`: only those named in `requirements`."""
    requirements: tuple[RequirementId, ...] = ()
    untested_blocks: Literal["all", "none", "listed"] = "all"
    must_be_tested: tuple[RequirementId, ...] = ()
    decides: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceRule:
    """A named rule that says when a delivery is accepted."""

    __pydantic_config__ = STRICT
    id: Name
    valid_from: Annotated[date, Field(alias="from")]
    phases: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A granted exception from one requirement for one supplier, with an end."""

    __pydantic_config__ = STRICT
    requirement: RequirementId
    supplier: Name
    reason: Text
    risk: Text
    approver: str
    decision: str
    compensating: Text
    valid_from: Annotated[AwareDatetime, Field(alias="from")]
    until: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFile:
    """Digest and place of a document; the file itself stays in the city's diary."""

    __pydantic_config__ = STRICT
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    mime: str
    location: str
    bytes: int | None = None
    classification: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a reviewer demands for accepting a document, by when, and when it was done."""

    __pydantic_config__ = STRICT
    text: Text
    due: date
    closed: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDocument:
    """A document that attests requirements: who issued it, what it covers, how long it holds."""

    __pydantic_config__ = STRICT
    id: Annotated[str, Field(pattern=r"^EV-[A-Z0-9-]+$")]
    type: Name
    requirements: tuple[RequirementId, ...]
    supplier: Name
    scope: str
    issuer: str
    verdict: Literal["accepted", "rejected", "conditional", "pending"]
    assurance: Literal["D", "E"]
    issued: date
    valid_from: date | None = None
    valid_until: date | None = None
    max_age_days: Annotated[int | None, Field(gt=0)] = None
    next_review: date | None = None
    grace_days: Annotated[int, Field(ge=0)] = 0
    product: str = ""
    product_versions: tuple[str, ...] = ()
    submitted_by: str = ""
    reviewed_by: str = ""
    reviewed_at: date | None = None
    conditions: tuple[Condition, ...] = ()
    file: DocumentFile | None = None
    supersedes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an interface is found, and what may be run there."""

    __pydantic_config__ = STRICT
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    path: str | None = None
    """For a delivery: the folder or archive, relative to the environment file."""
    secret: Secret | None = None
    client_id: str = ""
    token_endpoint: Annotated[str | None, Field(pattern=r"^https://")] = None
    """Where tokens come from if not from the city's own server, for `client_id` with `secret`."""
    capabilities: Mapping[Capability, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One system in an environment: a stand-in by name, or the places of its interfaces."""

    __pydantic_config__ = STRICT
    standin: str | None = None
    product_version: str = ""
    interfaces: Mapping[Name, Place] = field(default_factory=dict)
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Commands by hook name; only environments may hold them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The permission to run active checks: without it they refuse."""

    __pydantic_config__ = STRICT
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    hosts: tuple[str, ...]
    valid_from: Annotated[AwareDatetime, Field(alias="from")]
    until: AwareDatetime
    contacts: tuple[str, ...]
    stop: str
    """How a run is stopped: a phone number or an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard an interface may be asked, per run."""

    __pydantic_config__ = STRICT
    requests: Annotated[int, Field(gt=0)] = 20_000
    per_second: Annotated[float, Field(gt=0)] = 500.0
    timeout_seconds: Annotated[float, Field(gt=0)] = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CitySide:
    """Where suppliers reach the city's own side: this machine alone, unless it is said here."""

    __pydantic_config__ = STRICT
    public_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]+$")] = "127.0.0.1"
    """Host name that suppliers reach it by: it stands in issuer, entity id and every address."""
    bind: str = "127.0.0.1"
    """Address that it listens on; 0.0.0.0 for all of this machine's."""
    ports: Mapping[CityParty, Annotated[int, Field(gt=0, lt=65536)]] = field(default_factory=dict)
    """Silent parties choose one the first time, and keep it."""
    certificate: str | None = None
    """PEM chain for the public name, relative to the environment file; else the city's own authority's."""
    key: Secret | None = None
    """The certificate's private key, PEM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where a run looks, with which secrets (by reference) and whose permission."""

    __pydantic_config__ = STRICT
    id: Name
    kind: EnvironmentKind
    systems: Mapping[Name, Deployment]
    register: Name
    """The system that is the register in this environment."""
    trust: str | None = None
    """PEM file of further trust anchors, relative to the environment file."""
    authorisation: Authorisation | None = None
    limits: Limits = Limits()
    city: CitySide = CitySide()
    throwaway: bool = False
    """The city's state is thrown away after the run (the demo's alone)."""

    @property
    def grade(self) -> GradeLetter:
        """A live, B test tenant, C simulated."""
        grades: dict[EnvironmentKind, GradeLetter] = {"production": "A", "test": "B", "simulated": "C"}
        return grades[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A dated, named policy file; `rules` is read by the area that owns the kind."""

    __pydantic_config__ = STRICT
    id: Name
    title: Text
    kind: Literal["tls", "saml", "oidc", "oauth", "rest"]
    valid_from: Annotated[date, Field(alias="from")]
    basis: Basis
    source: str
    rules: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotARequirement:
    """A sentence of the seed that is not a requirement, and why."""

    __pydantic_config__ = STRICT
    row: SeedRow
    reason: Text
