"""Puts the requirements of a specification into a workspace, and first says what that would change."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from kravkoll.contracts import schemas
from kravkoll.contracts.documents import parse, read
from kravkoll.contracts.errors import Fault
from kravkoll.contracts.layout import Layout, packaged
from kravkoll.contracts.specified import Catalogue, Specified, Written
from kravkoll.contracts.vocabulary import Vocabulary
from kravkoll.contracts.workspace import load_trusted, with_defaults

ORDER = (
    "id", "text", "level", "area", "basis", "adopted", "verify", "lowest_grade", "source", "from", "to",
    "applies", "like", "checks", "unchecked", "tags",
)  # fmt: skip
KEPT = ("basis", "verify", "from", "to", "lowest_grade", "like", "checks", "adopted", "tags")
"""Fields that stay as the workspace has them where the file has no column for them."""
HEAD = """\
# Requirements of {file}. `kravkoll import` writes this file anew: what the specification has a column for
# comes from there; what else is written here, such as `applies`, `adopted` and English texts, is kept.
"""

type Kind = Literal["new", "changed", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """What an import does to one requirement, and the fields that differ."""

    kind: Kind
    id: str
    text: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """An import that has not been made yet."""

    target: Path
    requirements: tuple[Written, ...]
    changes: tuple[Change, ...]
    content: str
    untied: tuple[Specified, ...]
    """Those that no check verifies."""

    def count(self, kind: Kind) -> int:
        """How many requirements change in that way."""
        return sum(change.kind == kind for change in self.changes)

    @property
    def overwrites(self) -> bool:
        """Whether something that stands in the workspace would be lost."""
        return any(change.kind != "new" for change in self.changes)

    def write(self) -> None:
        """Make the change."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.target.write_text(self.content, encoding="utf-8", newline="\n")


def catalogue(contracts: Path) -> Catalogue:
    """The package's demands and checks, and the systems of the workspace that is imported into."""
    package = load_trusted(Layout(packaged()), only=("requirements", "checks"))
    own = load_trusted(Layout(contracts.parent), only=("supplier", "checks"))
    return Catalogue(package.requirements, own.checks, frozenset(own.systems))


def target_of(contracts: Path, name: str, specified: Iterable[Specified]) -> Path:
    """The file of that name; where there is none, the one that holds these requirements already."""
    target = contracts / "requirements" / f"{name}.yaml"
    if not target.exists():
        elsewhere = dict(_elsewhere(target))
        holders = {elsewhere.get(item.requirement.get("id", "")) for item in specified} - {None}
        if len(holders) == 1:
            return target.with_name(str(holders.pop()))
    return target


def prepare(
    specified: Iterable[Specified], file: str, target: Path, known: Catalogue, valid_from: str
) -> Prepared:
    """What the target will hold. `valid_from` is the day of those that say none; empty means as before."""
    before = _before(target)
    day = valid_from or str(before.defaults.get("from", "")) or _today()
    items = tuple(specified)
    merged = [
        _merged(item, before.requirements.get(item.requirement.get("id", "")), known, day) for item in items
    ]
    body: dict[str, Any] = {"defaults": {**before.defaults, "from": day}, "requirements": merged}
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110)
    untied = tuple(item for item, final in zip(items, merged, strict=True) if "unchecked" in final)
    earlier = {identity: {**before.defaults, **row} for identity, row in before.requirements.items()}
    changes = tuple(_changes(earlier, [{**body["defaults"], **row} for row in merged]))
    return Prepared(target, tuple(merged), changes, HEAD.format(file=file) + text, untied)


def faults(prepared: Prepared, specified: Iterable[Specified], words: Vocabulary) -> Iterator[Fault]:
    """What the workspace would not take, told by the specification's row; and ids that stand elsewhere."""
    items = tuple(specified)
    document = with_defaults("requirements", parse(prepared.content, prepared.target.name))
    for fault in schemas.examine("requirements", document, schemas.generate("requirements")).faults:
        index = int(fault.key.partition("[")[2].partition("]")[0] or 0)
        place = items[index].entry.place("number", words) if index < len(items) else fault.file
        yield Fault(place, 0, fault.key.partition("].")[2], fault.message, fault.fix)
    elsewhere = dict(_elsewhere(prepared.target))
    for item in items:
        identity = item.requirement.get("id", "")
        if identity in elsewhere:
            place = item.entry.place("number", words)
            yield words.fault(place, "id.elsewhere", value=identity, file=elsewhere[identity])


@dataclass(frozen=True, slots=True)
class _Before:
    requirements: Mapping[str, Written]
    defaults: Mapping[str, Any]


def _before(target: Path) -> _Before:
    if not target.is_file():
        return _Before({}, {})
    data = read(target, target.name).data or {}
    defaults = data.get("defaults") or {}
    rows = data.get("requirements") or ()
    return _Before({row["id"]: row for row in rows}, defaults)


def _elsewhere(target: Path) -> Iterator[tuple[str, str]]:
    """Id to file, for the requirements of the folder's other files."""
    for path in sorted(target.parent.glob("*.yaml")):
        if path != target:
            data = read(path, path.name).data
            rows = data.get("requirements") if isinstance(data, dict) else None
            yield from ((str(row.get("id")), path.name) for row in rows or ())


def _merged(item: Specified, old: Written | None, known: Catalogue, day: str) -> Written:
    new = dict(item.requirement)
    entry = item.entry
    if old is not None:
        for name in set(old) - set(ORDER) | (set(KEPT) - item.governed):
            if name in old:
                new[name] = old[name]
        if "english" not in entry.columns and old["text"].get("sv") == new["text"]["sv"]:
            new["text"] = old["text"]
        new["source"] = {**old.get("source", {}), **new["source"]}
        if "systems" not in entry.columns and old.get("applies"):
            new["applies"] = old["applies"]
        if old.get("unchecked") and not entry.text("unchecked"):
            new["unchecked"] = old["unchecked"]
    if known.verifying(new.get("like", ()), new.get("checks", ())):
        new.pop("unchecked", None)
    if new.get("from") == day:
        del new["from"]  # it stands among the defaults
    return {name: new[name] for name in (*ORDER, *sorted(set(new) - set(ORDER))) if new.get(name)}


def _changes(before: Mapping[str, Written], merged: Iterable[Written]) -> Iterator[Change]:
    after = {row.get("id", ""): row for row in merged}
    for identity, row in after.items():
        old = before.get(identity)
        if old is None:
            yield Change("new", identity, row["text"]["sv"])
        elif fields := tuple(name for name in ORDER if _told(old, name) != _told(row, name)):
            yield Change("changed", identity, row["text"]["sv"], fields)
    for identity, row in before.items():
        if identity not in after:
            yield Change("removed", identity, row["text"]["sv"])


def _told(row: Written, name: str) -> object:
    """A field; of the source all but the row, which moves when a row is put in above."""
    value = row.get(name)
    if name == "source" and isinstance(value, dict):
        return {key: inner for key, inner in value.items() if key != "row"}
    return value or None


def _today() -> str:
    from datetime import date  # noqa: PLC0415  # beside its only use

    return date.today().isoformat()  # noqa: DTZ011  # the day where the person sits
