"""A plan that was agreed on beforehand: one file, sealed by the digest of what stands in it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kravkoll.contracts.errors import ConfigurationError
from kravkoll.record.rows import Row

FORMAT = "kravkoll-plan/1"


def digest_of(value: object) -> str:
    """sha256 of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class FrozenPlan:
    """The plan as it was frozen. `data` is the whole file."""

    data: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The digest that the parties agree on."""
        return str(self.data["digest"])

    @property
    def supplier(self) -> Mapping[str, Any]:
        """Id and name."""
        supplier: Mapping[str, Any] = self.data["supplier"]
        return supplier

    @property
    def environment(self) -> Mapping[str, Any]:
        """Id, kind and grade."""
        environment: Mapping[str, Any] = self.data["environment"]
        return environment

    @cached_property
    def rows(self) -> Mapping[str, Row]:
        """Every planned row by its id."""
        return {line["row"]: Row.from_line(line) for line in self.data["rows"]}

    @cached_property
    def requirements(self) -> Mapping[str, Mapping[str, Any]]:
        """Each requirement as it was, with its digest and why it has no rows, by id."""
        return {line["requirement"]["id"]: line for line in self.data["requirements"]}

    @property
    def checks(self) -> Mapping[str, Mapping[str, Any]]:
        """Each check's card, the digest of what it binds to, and that of its program, by id."""
        checks: Mapping[str, Mapping[str, Any]] = self.data["checks"]
        return checks


def sealed(body: Mapping[str, Any]) -> FrozenPlan:
    """The plan with its digest."""
    return FrozenPlan({**body, "digest": digest_of(body)})


def write(frozen: FrozenPlan, path: Path) -> None:
    """Write the file. ConfigurationError: there is one already, which somebody may have agreed on."""
    if path.exists():
        raise ConfigurationError(
            f"{path} is there already, and a frozen plan is never written over; name another"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(frozen.data, ensure_ascii=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def read(path: Path) -> FrozenPlan:
    """Read a frozen plan. ConfigurationError: it is none, or it was changed after it was frozen."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}; name a frozen plan") from error
    except ValueError as error:
        raise ConfigurationError(f"{path} is no frozen plan (JSON); make one with `plan --freeze`") from error
    wrong = next(_wrong(data), "")
    if wrong:
        raise ConfigurationError(f"{path} {wrong}")
    return FrozenPlan(data)


def _wrong(data: object) -> Iterator[str]:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        yield f"is no frozen plan of format {FORMAT}; make one with `plan --freeze`"
        return
    body = {name: value for name, value in data.items() if name != "digest"}
    if data.get("digest") != digest_of(body):
        yield "was changed after it was frozen: its digest does not match; use the file that was agreed on"
