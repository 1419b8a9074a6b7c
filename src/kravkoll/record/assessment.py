"""A record read as an answer: a verdict per requirement, the headline counts and the exit code."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from kravkoll.contracts.model import Gate, Requirement, Waiver
from kravkoll.record.journal import Record
from kravkoll.record.outcome import Outcome, Verdict
from kravkoll.record.rollup import Exit, Rolled, Seen, exit_code, roll_up, seen_of
from kravkoll.record.rows import Row

_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def dump(value: Any) -> Any:
    """A model value as JSON, as record lines hold it."""
    return _adapter(type(value)).dump_python(value, mode="json", by_alias=True)


@dataclass(frozen=True, slots=True)
class Assessed:
    """One requirement with its verdict, its waiver if one holds, and where the contract says it."""

    requirement: Requirement
    rolled: Rolled
    waiver: Waiver | None
    file: str
    line: int
    rows: tuple[str, ...]
    advice: bool = False
    """Newer than the frozen plan that the run follows: its verdict counts for nothing."""

    @property
    def verdict(self) -> Verdict:
        """The verdict itself."""
        return self.rolled.verdict


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a record says of one supplier in one environment."""

    record: Record
    requirements: Mapping[str, Assessed]
    exit: Exit

    @property
    def counts(self) -> Counter[Verdict]:
        """How many requirements have each verdict; they add up to all requirements."""
        return Counter(item.verdict for item in self.requirements.values())

    def gating(self, verdict: Verdict) -> tuple[Assessed, ...]:
        """The gating requirements with that verdict: the headline counts these."""
        return tuple(
            item
            for item in self.requirements.values()
            if item.requirement.gates and item.verdict is verdict and not item.advice
        )


def assess(record: Record) -> Assessment:
    """Roll a record up. Without footer it was interrupted; with one that does not fit, we broke it."""
    rows: dict[str, dict[str, Row]] = {}
    for row in record.rows.values():
        for requirement in row.requirements:
            rows.setdefault(requirement, {})[row.id] = row
    assessed = {
        (identity := line["requirement"]["id"]): _assessed(record, line, rows.get(identity, {}))
        for line in record.requirements
    }
    header = record.header
    procured = header.get("procured", True)
    counted = {
        identity: item.rolled
        for identity, item in assessed.items()
        if procured and not item.advice and (not header.get("partial") or _agreed(record, item.rows))
    }
    interrupted = record.footer is None or record.footer.get("interrupted") is not None
    agreed = _agreed(record, record.results)
    errors = sum(record.results[row].outcome is Outcome.ERROR for row in agreed)
    errors += not interrupted and not record.complete
    code = exit_code(
        counted,
        {identity: item.requirement for identity, item in assessed.items()},
        _adapter(Gate).validate_python(header["gate"]),
        errors=errors,
        interrupted=interrupted,
    )
    return Assessment(record, assessed, code)


def _agreed(record: Record, rows: Iterable[str]) -> list[str]:
    """The rows that count: all of them, unless the run follows a frozen plan."""
    return [row for row in rows if row not in record.rows or not record.rows[row].advice]


def _assessed(record: Record, line: Mapping[str, Any], rows: Mapping[str, Row]) -> Assessed:
    requirement: Requirement = _adapter(Requirement).validate_python(line["requirement"])
    waiver = _adapter(Waiver).validate_python(line["waiver"]) if line["waiver"] else None
    advice = bool(line.get("advice"))
    counting = {identity: row for identity, row in rows.items() if advice or not row.advice}
    seen = seen_of(requirement.id, counting, record.results)
    seen += [Seen(gap["kind"], Outcome.NOT_EXERCISED, "", gap["reason"]) for gap in line.get("gaps", ())]
    if line["not_applicable"]:
        rolled = Rolled(Verdict.NOT_APPLICABLE, line["not_applicable"])
    else:
        rolled = roll_up(requirement, seen, simulated=record.simulated, waived=waiver is not None)
        if not seen and line["no_rows"]:
            rolled = Rolled(Verdict.NOT_TESTED, line["no_rows"])
    return Assessed(requirement, rolled, waiver, line["file"], line["line"], tuple(rows), advice)
