"""What every view tells of a record: the headline, what is not met, what could not be seen, and who acts."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import AREAS
from kravkoll.record.assessment import Assessed, Assessment, assess
from kravkoll.record.journal import Record
from kravkoll.record.outcome import Finding, Outcome, Verdict
from kravkoll.record.rollup import UNSEEN, Exit
from kravkoll.record.rows import Result, Row
from kravkoll.views.values import shown, visible
from kravkoll.views.words import Words

NOTHING_EXECUTED = "no row was executed"
"""A fault of the format only where rows were planned: a record of nothing to look at yet is an honest one."""
MARKS = {"simulated": "SIMULERING", "test": "TEST", "production": "DRIFT"}


class Untellable(ConfigurationError):
    """A record without a header: whose it is, and of what, is not known."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """One reason why something could not be seen, and everything that it hides."""

    reason: str
    requirements: tuple[Assessed, ...]
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Defect:
    """One finding in one language, its values as text that is safe to read."""

    row: str
    code: str
    says: str
    expected: str
    actual: str
    cases: tuple[str, ...]
    failed: int
    tried: int
    remedy: str


@dataclass(frozen=True, slots=True)
class Report:
    """An assessment with what the views ask of it worked out once."""

    assessment: Assessment
    requirements: tuple[Assessed, ...]
    """All of them, by area and number."""
    counted: tuple[Assessed, ...]
    """Requirements that the headline may count: in a partial run those with rows alone."""
    gating: tuple[Assessed, ...]
    """Those of them that decide in this phase; a requirement that does not apply does not decide."""
    unseen: tuple[Unseen, ...]

    @property
    def record(self) -> Record:
        """The record that is told."""
        return self.assessment.record

    @property
    def header(self) -> Mapping[str, Any]:
        """The record's first line."""
        return self.record.header

    @property
    def kind(self) -> str:
        """`simulated`, `test` or `production`."""
        return str(self.header["environment"]["kind"])

    @property
    def supplier(self) -> Mapping[str, Any]:
        """Id and name of the supplier."""
        supplier: Mapping[str, Any] = self.header["supplier"]
        return supplier

    def systems(self, unknown: str) -> str:
        """The systems with their versions; `unknown` stands for a version that is not given."""
        return "; ".join(
            f"{system['name']}, {system['version'] or unknown}" for system in self.header["systems"].values()
        )

    @property
    def partial(self) -> str:
        """What was selected; empty for a whole run."""
        return str((self.header.get("partial") or {}).get("selection", "")) or (
            "?" if self.header.get("partial") else ""
        )

    @property
    def stem(self) -> str:
        """How this record's files begin; a simulated run says so wherever the file goes."""
        return f"{MARKS['simulated'] if self.record.simulated else 'report'}-{self.supplier['id']}"

    @property
    def suite(self) -> str:
        """The supplier as machine formats name it."""
        return f"{MARKS['simulated']} {self.supplier['id']}" if self.record.simulated else self.supplier["id"]

    @property
    def unmet(self) -> tuple[Assessed, ...]:
        """Deciding requirements that are not met."""
        return tuple(item for item in self.gating if item.verdict is Verdict.NOT_MET)

    @property
    def unmet_advice(self) -> tuple[Assessed, ...]:
        """Requirements that decide nothing, and are not met."""
        deciding = {item.requirement.id for item in self.gating}
        return tuple(
            item
            for item in self.counted
            if item.verdict is Verdict.NOT_MET and item.requirement.id not in deciding
        )

    @property
    def saw_something(self) -> bool:
        """True where some row said yes or no: only then is a lack of defects worth anything."""
        return any(
            result.outcome in (Outcome.MET, Outcome.NOT_MET) for result in self.record.results.values()
        )

    @property
    def untested(self) -> tuple[Assessed, ...]:
        """Deciding requirements that were not tested."""
        return tuple(item for item in self.gating if item.verdict is Verdict.NOT_TESTED)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the record itself."""
        return tuple(fault for fault in self.record.faults if self.record.rows or fault != NOTHING_EXECUTED)

    @property
    def complete(self) -> bool:
        """True where every planned row has its result and the record is as it was written."""
        return bool(self.record.footer and self.record.footer.get("complete")) and not self.faults

    @property
    def conclusion(self) -> str:
        """The key of the sentence that concludes; what stops a conclusion goes first."""
        if not self.header.get("procured", True):
            return "not-procured"
        if not self.complete and self.assessment.exit is not Exit.OUR_FAULT:
            return "incomplete"
        return self.assessment.exit.name.lower().replace("_", "-")

    @property
    def accepts(self) -> bool:
        """True where the record can be the ground of a decision at all."""
        return self.complete and not self.record.simulated and not self.partial

    def areas(self) -> Iterator[tuple[str, list[Assessed]]]:
        """Requirements by area, in the order of the closed table."""
        for area in AREAS:
            items = [item for item in self.requirements if item.requirement.area == area]
            if items:
                yield area, items

    def row(self, identity: str) -> tuple[Row, Result]:
        """A planned row and its result."""
        return self.record.rows[identity], self.record.results[identity]

    def repeat(self, row: str) -> str:
        """The command that repeats one row, judged by the same day."""
        environment, supplier = self.header["environment"]["id"], self.supplier["id"]
        fault = ["--fault", visible(self.header["standin_fault"])] if self.header.get("standin_fault") else []
        given = ["--env", visible(environment), "--supplier", visible(supplier), *fault]
        given += ["--as-of", visible(self.header["as_of"]), "--row", row]
        return shlex.join(["kravkoll", "run", *given])

    def card(self, row: Row) -> Mapping[str, Any]:
        """The check's card; empty where the record ended before it."""
        return self.record.checks.get(row.check, {})

    def sentence(self, row: Row, language: str) -> str:
        """What the check asserts: the same whatever it ended with."""
        return str(self.card(row).get("sentence", {}).get(language, row.check))

    def where(self, row: str, words: Words) -> str:
        """Where a row looked, in words: a document, one end of a flow, or a system's interface."""
        planned = self.record.rows[row]
        match planned.kind:
            case "document":
                return words.name("document", planned.part)
            case "flow":
                return words.say("place.flow", end=words.name("place", planned.part), flow=planned.place)
        system = self.header["systems"].get(planned.system, {}).get("name", planned.place)
        return f"{system}, {words.name('place', planned.part)}"

    def counting(self, item: Assessed) -> tuple[str, ...]:
        """The rows behind a verdict: those newer than a frozen plan are told, and count for nothing."""
        return tuple(row for row in item.rows if item.advice or not self.record.rows[row].advice)

    def changes(self, words: Words) -> str:
        """What is otherwise than when the frozen plan was made; empty where nothing is, or there is none."""
        changed = (self.header.get("frozen_plan") or {}).get("changes", {})
        listed = "; ".join(f"{words.name('change', kind)}: {', '.join(ids)}" for kind, ids in changed.items())
        return words.say("fact.frozen_plan_changed", changes=listed) if listed else ""

    def told(self, item: Assessed, words: Words) -> list[tuple[str, list[str], str]]:
        """What was found of a requirement, where, and what to do; the same finding once with every place."""
        places: dict[tuple[str, str], list[str]] = {}
        for row in self.counting(item):
            for defect in self.defects(row, words):
                places.setdefault((defect.says, defect.remedy), []).append(row)
        return [(says, list(dict.fromkeys(rows)), remedy) for (says, remedy), rows in places.items()]

    def grades(self, item: Assessed) -> list[str]:
        """How good the evidence is behind what was said of a requirement."""
        results = (self.record.results[row] for row in self.counting(item))
        return sorted({r.grade for r in results if r.grade and r.outcome in (Outcome.MET, Outcome.NOT_MET)})

    def defects(self, row: str, words: Words) -> Iterator[Defect]:
        """The findings of a row."""
        planned, result = self.row(row)
        texts = self.card(planned).get("findings", {})
        for finding in result.findings:
            yield _defect(row, finding, texts.get(finding.code), words)


def _defect(row: str, finding: Finding, text: Mapping[str, Any] | None, words: Words) -> Defect:
    language = words.language
    return Defect(
        row=row,
        code=finding.code,
        says=text["says"][language] if text else words.say("finding.unknown", code=finding.code),
        expected="" if finding.expected is None else shown(finding.expected),
        actual="" if finding.actual is None else shown(finding.actual),
        cases=tuple(shown(case) for case in finding.cases),
        failed=finding.failed,
        tried=finding.tried,
        remedy=text["remedy"][language] if text else "",
    )


def tell(record: Record) -> Report:
    """Work out what a record says. Untellable: it has no header."""
    if not record.header:
        raise Untellable(f"{record.path} has no header: the run ended before anything was written")
    assessment = assess(record)
    partial = bool(record.header.get("partial"))
    every = _in_order(assessment)
    counted = tuple(item for item in every if item.rows or not partial)
    gate = record.header["gate"]
    gating = tuple(
        item
        for item in counted
        if item.requirement.gates
        and not item.advice
        and item.verdict is not Verdict.NOT_APPLICABLE
        and (gate.get("gating", "all") == "all" or item.requirement.id in gate.get("requirements", ()))
    )
    return Report(assessment, every, counted, gating, tuple(_unseen(assessment, every, counted, gating)))


def _in_order(assessment: Assessment) -> tuple[Assessed, ...]:
    """Requirements by area, then by number."""
    areas = list(AREAS)
    return tuple(
        sorted(
            assessment.requirements.values(),
            key=lambda item: (areas.index(item.requirement.area), item.requirement.id),
        )
    )


def _unseen(
    assessment: Assessment,
    every: tuple[Assessed, ...],
    counted: tuple[Assessed, ...],
    gating: tuple[Assessed, ...],
) -> Iterator[Unseen]:
    """Reasons that hide most of what decides come first."""
    record = assessment.record
    rows: dict[str, list[str]] = {}
    hidden: dict[str, dict[str, Assessed]] = {}
    for row, result in record.results.items():
        if result.outcome in UNSEEN and row in record.rows:
            reason = str(result.reason or ("error" if result.outcome is Outcome.ERROR else result.outcome))
            rows.setdefault(reason, []).append(row)
            for requirement in record.rows[row].requirements:
                if item := assessment.requirements.get(requirement):
                    hidden.setdefault(reason, {})[requirement] = item
    named = {requirement for items in hidden.values() for requirement in items}
    for item in counted:
        if item.verdict is Verdict.NOT_TESTED and item.requirement.id not in named:
            hidden.setdefault(item.rolled.reason or "other", {})[item.requirement.id] = item
    deciding = {item.requirement.id for item in gating}
    for reason in sorted({*rows, *hidden}, key=lambda one: (-len(deciding & {*hidden.get(one, ())}), one)):
        affected = tuple(item for item in every if item.requirement.id in hidden.get(reason, {}))
        yield Unseen(reason, affected, tuple(rows.get(reason, ())))
