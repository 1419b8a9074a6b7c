"""results.jsonl: written line by line and flushed, read back with every fault of the format named."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kravkoll.record.outcome import Outcome, Reason
from kravkoll.record.rows import Result, Row

FORMAT = "kravkoll-record/1"
NAME = "results.jsonl"


class Journal:
    """The one writer of a record. Every line is redacted, flushed, and part of the digest chain."""

    def __init__(self, folder: Path, redact: Callable[[Any], Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / NAME
        self._redact = redact
        self._file = self.path.open("xb")
        self._chain = hashlib.sha256()
        self._counts: Counter[str] = Counter()
        self._planned: set[str] = set()
        self._reported: set[str] = set()

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line."""
        text = json.dumps(self._redact(dict(line)), ensure_ascii=False, sort_keys=True, default=str)
        payload = text.encode("utf-8", "backslashreplace") + b"\n"  # a lone surrogate stays a JSON escape
        self._chain.update(payload)
        self._file.write(payload)
        self._file.flush()

    def plan(self, rows: tuple[Row, ...]) -> None:
        """The whole plan, before anything runs; on disk when this returns."""
        for row in rows:
            self._planned.add(row.id)
            self.write(row.line())
        os.fsync(self._file.fileno())

    def waiting(self, result: Result) -> None:
        """A result that stands unless its control fails afterwards."""
        self.write(result.line("waiting"))

    def result(self, result: Result) -> None:
        """The final result of a planned row; a second one, or one not planned, is our fault."""
        if result.row not in self._planned or result.row in self._reported:
            raise ValueError(f"{result.row} is not planned, or has its result already")
        self._reported.add(result.row)
        self._counts[str(result.outcome)] += 1
        self.write(result.line())

    @property
    def missing(self) -> tuple[str, ...]:
        """Planned rows without a result."""
        return tuple(sorted(self._planned - self._reported))

    def footer(self, **facts: object) -> None:
        """Close the record: counts, completeness and the digest of all lines before."""
        complete = not self.missing and facts.get("interrupted") is None
        chain = self._chain.hexdigest()
        line = {"type": "footer", "counts": dict(self._counts), "complete": complete, "chain": chain}
        self.write({**facts, **line})
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Record:
    """A record as read. `faults` are of the format; rows never reached are inconclusive (`run.ended`)."""

    path: Path
    header: Mapping[str, Any]
    requirements: tuple[Mapping[str, Any], ...]
    checks: Mapping[str, Mapping[str, Any]]
    rows: Mapping[str, Row]
    results: Mapping[str, Result]
    evidence: tuple[Mapping[str, Any], ...]
    footer: Mapping[str, Any] | None
    faults: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """True where a footer says that every planned row has its result."""
        return bool(self.footer and self.footer.get("complete")) and not self.faults

    @property
    def simulated(self) -> bool:
        """True where a stand-in was looked at: such a record says nothing about a supplier."""
        return bool(self.header.get("environment", {}).get("kind") == "simulated")


@dataclass(slots=True)
class _Replay:
    chain: Any = field(default_factory=hashlib.sha256)
    header: dict[str, Any] = field(default_factory=dict)
    requirements: list[dict[str, Any]] = field(default_factory=list)
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    footer: dict[str, Any] | None = None
    faults: list[str] = field(default_factory=list)

    def take(self, number: int, raw: bytes) -> None:
        try:
            line = json.loads(raw)
            kind = line["type"]
        except (ValueError, TypeError, KeyError):
            self.faults.append(f"line {number} is cut off or no JSON object with a type")
            return
        if self.footer is not None:
            self.faults.append(f"line {number} stands after the footer")
        if (number == 1) != (kind == "header"):
            self.faults.append(f"line {number}: the header must be the first line, and only that")
        try:
            self._sort(number, kind, line)
        except (ValueError, TypeError, KeyError) as error:
            self.faults.append(f"line {number} is no {kind}: {type(error).__name__} {error}")
        self.chain.update(raw)

    def _sort(self, number: int, kind: str, line: dict[str, Any]) -> None:
        match kind:
            case "header":
                self._header(line)
            case "requirement":
                self.requirements.append(line)
            case "check":
                self.checks[line["card"]["id"]] = line["card"]
            case "plan":
                self._plan(number, Row.from_line(line))
            case "evidence":
                self.evidence.append(line)
            case "result":
                self._result(number, Result.from_line(line))
            case "footer":
                self._footer(line)
            case _ if kind != "waiting":  # a waiting line's result follows, or the row was never finished
                self.faults.append(f"line {number}: unknown type {kind!r}")

    def _header(self, line: dict[str, Any]) -> None:
        self.header = line
        if line.get("format") != FORMAT:
            self.faults.append(f"format {line.get('format')!r} is not {FORMAT!r}")

    def _footer(self, line: dict[str, Any]) -> None:
        if not {"chain", "complete", "interrupted"} <= set(line):
            raise ValueError("it lacks what every footer has")
        self.footer = line
        if line["chain"] != self.chain.hexdigest():
            self.faults.append("the digest chain does not match: the record was changed after it was written")

    def _plan(self, number: int, row: Row) -> None:
        if row.id in self.rows:
            self.faults.append(f"line {number}: row {row.id} is planned twice")
        self.rows[row.id] = row

    def _result(self, number: int, result: Result) -> None:
        if result.row not in self.rows:
            self.faults.append(f"line {number}: row {result.row} was not planned")
        elif result.row in self.results:
            self.faults.append(f"line {number}: row {result.row} has a second result")
        else:
            self.results[result.row] = result

    def close(self) -> None:
        if self.footer is None:
            self.faults.append("no footer: the run ended early")
        executed = [
            result for result in self.results.values() if result.outcome is not Outcome.NOT_APPLICABLE
        ]
        if self.rows and not executed:
            self.faults.append("no row was executed")
        for identity in self.rows:
            if identity not in self.results:
                self.results[identity] = Result(
                    row=identity, outcome=Outcome.INCONCLUSIVE, reason=Reason("run.ended"), observation=""
                )


def read(path: Path) -> Record:
    """Replay a record; `path` is results.jsonl or its folder."""
    file = path / NAME if path.is_dir() else path
    replay = _Replay()
    with file.open("rb") as lines:
        for number, raw in enumerate(lines, 1):
            replay.take(number, raw)
    replay.close()
    return Record(
        path=file,
        header=replay.header,
        requirements=tuple(replay.requirements),
        checks=replay.checks,
        rows=replay.rows,
        results=replay.results,
        evidence=tuple(replay.evidence),
        footer=replay.footer,
        faults=tuple(replay.faults),
    )
