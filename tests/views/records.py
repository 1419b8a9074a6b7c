"""Records for the views' tests, written as a run writes them: line by line, by the journal."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from kravkoll.contracts.cards import CheckCard, FindingCard, LooksAt
from kravkoll.contracts.model import Adoption, Requirement, Source, Text, Waiver
from kravkoll.record.assessment import dump
from kravkoll.record.journal import FORMAT, Journal
from kravkoll.record.outcome import Finding, Outcome, Reason
from kravkoll.record.rows import Result, Row

TEMPLATES = Path(__file__).parents[2] / "reports" / "templates"
DIGEST = "a" * 64


def requirement(identity: str = "ENC-01", **changes: Any) -> Requirement:
    """A contractual requirement; keywords change it."""
    areas = {"ENC": "encryption", "LOG": "login", "SCH": "schema", "SEC": "secrecy", "ROU": "routines"}
    fields: dict[str, Any] = {
        "id": identity,
        "text": Text(sv=f"Kravet {identity} ska hållas.", en=f"The requirement {identity} shall be kept."),
        "level": "shall",
        "area": areas[identity.split("-", maxsplit=1)[0]],
        "basis": "contract",
        "verify": "test",
        "source": Source(seed=("S70",), quote="enligt branschpraxis"),
        "valid_from": date(2023, 10, 26),
    }
    return Requirement(**fields | changes)


def card(identity: str = "ENC-TLS-02", verifies: tuple[str, ...] = ("ENC-01",), *codes: str) -> CheckCard:
    """A check's card with these finding codes."""
    return CheckCard(
        id=identity,
        sentence=Text(sv=f"Systemet klarar {identity}.", en=f"The system passes {identity}."),
        verifies=verifies,
        catalogue=codes or ("proto.tls10",),
        looks_at=LooksAt(interfaces=("api",)),
        effect="read",
        why=Text(sv="Därför att det behövs.", en="Because it is needed."),
        source="RFC 8996",
        findings={
            code: FindingCard(
                says=Text(sv=f"Bristen {code} finns.", en=f"The defect {code} is there."),
                remedy=Text(sv=f"Rätta {code}.", en=f"Mend {code}."),
            )
            for code in codes or ("proto.tls10",)
        },
    )


@dataclass
class Run:
    """A run as it is put together before it is written."""

    kind: str = "simulated"
    supplier: str = "tempus"
    name: str = "Tempus AB"
    header: dict[str, Any] = field(default_factory=dict)
    requirements: list[Requirement] = field(default_factory=list)
    waivers: dict[str, Waiver] = field(default_factory=dict)
    no_rows: dict[str, str] = field(default_factory=dict)
    not_applicable: dict[str, str] = field(default_factory=dict)
    cards: dict[str, CheckCard] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)

    def need(self, identity: str, **changes: Any) -> None:
        """Add a requirement."""
        self.requirements.append(requirement(identity, **changes))

    def row(
        self,
        check: str,
        requirements: tuple[str, ...],
        outcome: Outcome,
        *,
        findings: tuple[Finding, ...] = (),
        reason: Reason | None = None,
        part: str = "api",
        **changes: Any,
    ) -> str:
        """Add a row with its result; the row's id."""
        codes = tuple(finding.code for finding in findings)
        self.cards.setdefault(check, card(check, requirements, *codes))
        grade = changes.get("grade", {"simulated": "C", "test": "B", "production": "A"}[self.kind])
        row = Row(
            check=check,
            supplier=self.supplier,
            kind="document" if grade in ("D", "E") else "interface",
            place=self.supplier,
            part=part,
            system=self.supplier,
            requirements=requirements,
        )
        fields = {"grade": grade, "seconds": 0.25} | changes
        self.rows.append(row)
        self.results.append(Result(row=row.id, outcome=outcome, findings=findings, reason=reason, **fields))
        return row.id

    def write(self, folder: Path, *, finish: bool = True, results: int | None = None) -> Path:
        """Write results.jsonl; `finish=False` leaves out the footer, `results` stops after so many."""
        with Journal(folder, lambda line: line) as journal:
            journal.write(self._header())
            for item in self.requirements:
                journal.write(self._requirement(item))
            for one in self.cards.values():
                journal.write({"type": "check", "card": dump(one)})
            journal.plan(tuple(self.rows))
            for line in self.evidence:
                journal.write({"type": "evidence", **line})
            for result in self.results[:results]:
                journal.result(result)
            if finish:
                journal.footer(finished="2026-11-23T10:05:00+01:00", interrupted=None)
        return folder

    def _requirement(self, item: Requirement) -> dict[str, Any]:
        waiver = self.waivers.get(item.id)
        return {
            "type": "requirement",
            "requirement": dump(item),
            "waiver": dump(waiver) if waiver else None,
            "not_applicable": self.not_applicable.get(item.id, ""),
            "no_rows": self.no_rows.get(item.id, ""),
            "file": f"contracts/requirements/{item.area}.yaml",
            "line": 12,
        }

    def _header(self) -> dict[str, Any]:
        return {
            "type": "header",
            "format": FORMAT,
            "run": f"20261123T100000-{self.supplier}-demo",
            "harness": {"version": "0.1.0", "source_digest": DIGEST},
            "workspace": {"digest": DIGEST},
            "plan": {"digest": DIGEST},
            "environment": {
                "id": "demo" if self.kind == "simulated" else "test",
                "kind": self.kind,
                "grade": "C" if self.kind == "simulated" else "B",
            },
            "supplier": {"id": self.supplier, "name": self.name},
            "procured": True,
            "systems": {self.supplier: {"name": self.supplier.title(), "version": "4.2.1"}},
            "agreements": [
                {
                    "id": self.supplier,
                    "title": {"sv": "Tempus, förskola", "en": "Tempus, preschool"},
                    "supplier": self.supplier,
                    "systems": [self.supplier],
                    "school_forms": ["FS"],
                    "status": "in-force",
                    "source": {},
                    "from": None,
                    "to": None,
                    "note": None,
                }
            ],
            "profiles": [{"id": "tls-2026", "from": "2026-01-01"}],
            "as_of": "2026-11-23",
            "seed": 0,
            "started": "2026-11-23T10:00:00+01:00",
            "ran_by": {"side": "city", "who": "anna"},
            "authorisation": None,
            "partial": None,
            "rule": "standard",
            "gate": {
                "phase": "acceptance",
                "gating": "all",
                "requirements": [],
                "untested_blocks": "all",
                "must_be_tested": [],
                "decides": "Avdelningschefen",
            },
            "standin_fault": None,
        } | self.header


def typical(kind: str = "simulated", supplier: str = "tempus", name: str = "Tempus AB") -> Run:
    """One of everything: every verdict, every outcome, an advice, a waiver."""
    run = Run(kind=kind, supplier=supplier, name=name)
    for identity in ("ENC-01", "ENC-02", "LOG-01", "LOG-02", "SCH-01", "SEC-01"):
        run.need(identity)
    run.need("ENC-05", level="should", basis="practice", adopted=Adoption(by="demo", on=date(2023, 10, 26)))
    run.need("ROU-01", verify="document")
    run.need("ROU-02")
    run.waivers["LOG-02"] = waiver("LOG-02", supplier)
    run.no_rows["ENC-02"] = "check.none"
    run.not_applicable["ROU-02"] = "requirement.applies-to-others"
    old = Finding("proto.tls10", "TLS 1.2", ["TLS 1.0", "TLS 1.1"], ({"port": 443},), failed=2, tried=4)
    digest = "sha256:" + "b" * 64
    run.evidence.append(
        {"digest": digest, "media_type": "application/json", "klass": "supplier", "size": 120, "row": ""}
    )
    run.row("ENC-TLS-02", ("ENC-01", "SEC-01"), Outcome.NOT_MET, findings=(old,), evidence=(digest,))
    run.row("ENC-TLS-03", ("ENC-01",), Outcome.MET)
    run.row("ENC-TLS-05", ("ENC-05",), Outcome.NOT_MET, findings=(Finding("proto.no_pq"),))
    missing = Reason("capability.missing", "login.start")
    run.row("LOG-SSO-01", ("LOG-01",), Outcome.NOT_EXERCISED, reason=missing, part="web")
    run.row("LOG-SSO-03", ("LOG-02",), Outcome.NOT_MET, findings=(Finding("SAML-ENTRY-02"),), part="web")
    timeout = Reason("subject.timeout", "after 10 s")
    run.row("SCH-CON-01", ("SCH-01",), Outcome.INCONCLUSIVE, reason=timeout, observation="No answer.")
    run.row("ROU-DOC-01", ("ROU-01",), Outcome.MET, part="routine", grade="D")
    return run


def waiver(identity: str, supplier: str) -> Waiver:
    """An exception that holds."""
    return Waiver(
        requirement=identity,
        supplier=supplier,
        reason=Text(sv="Ny inloggning införs i mars.", en="New login comes in March."),
        risk=Text(sv="Fler lösenord.", en="More passwords."),
        approver="Avdelningschefen",
        decision="1.2-345/2026",
        compensating=Text(sv="Lösenorden byts varje vecka.", en="Passwords change weekly."),
        valid_from=datetime(2026, 11, 1, tzinfo=UTC),
        until=datetime(2027, 3, 31, tzinfo=UTC),
    )
