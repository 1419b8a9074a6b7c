"""Freezes a plan so that it can be agreed on, follows one, and tells what freezing anew would change."""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import kravkoll
from kravkoll.contracts import documents, sources
from kravkoll.contracts.cards import CheckCard
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.model import Environment
from kravkoll.contracts.workspace import Workspace
from kravkoll.record import frozen_plan
from kravkoll.record.assessment import dump
from kravkoll.record.frozen_plan import FORMAT, FrozenPlan, digest_of, sealed
from kravkoll.record.rows import Row
from kravkoll.runner.header import source_digest, who, workspace_digest
from kravkoll.runner.plan import Plan

UNBINDING = frozenset({"why", "source"})
"""Of a card, what may be put better without changing what was agreed."""
HOURS = "plan_hours.yaml"

type Line = dict[str, Any]


def freeze(workspace: Workspace, plan: Plan, environment: Environment, as_of: date) -> FrozenPlan:
    """The whole plan as one sealed value: rows, requirements, checks, policies, needs and all digests."""
    layout = workspace.layout
    effort = documents.read(layout.file("reports", "templates", HOURS), HOURS).data
    programs = dict(_programs(layout))
    used = sorted({row.check for row in plan.rows})
    body = {
        "format": FORMAT,
        "supplier": {"id": plan.supplier.id, "name": plan.supplier.name},
        "systems": {system.id: system.name for system in plan.supplier.systems},
        "agreements": [dump(agreement) for agreement in plan.agreements],
        "environment": {"id": environment.id, "kind": environment.kind, "grade": environment.grade},
        "hosts": sorted(environment.authorisation.hosts) if environment.authorisation else [],
        "procured": plan.procured,
        "as_of": as_of.isoformat(),
        "frozen": datetime.now().astimezone().isoformat(timespec="seconds"),
        "frozen_by": who(),
        "harness": {"version": kravkoll.__version__, "source_digest": source_digest()},
        "workspace": {"digest": workspace_digest(layout.root)},
        "plan": {"digest": plan.digest},
        "profiles": [
            {"id": p.id, "kind": p.kind, "from": p.valid_from.isoformat(), "digest": digest_of(dump(p))}
            for p in workspace.profiles.values()
        ],
        "catalogue": {
            area: digest_of([[row.id, row.source, row.excuse] for row in rows])
            for area, rows in workspace.catalogue.items()
        },
        "faults": digest_of([dump(workspace.faults[identity]) for identity in sorted(workspace.faults)]),
        "requirements": list(_requirements(workspace, plan)),
        "checks": {identity: _check(workspace.checks[identity], programs) for identity in used},
        "rows": [row.line() for row in plan.rows],
        "effort": effort,
        "needs": list(_needs(workspace, plan, environment)),
    }
    return sealed(body)


def _requirements(workspace: Workspace, plan: Plan) -> Iterator[Line]:
    for requirement in workspace.requirements.values():
        file, line = workspace.place("requirements", requirement.id)
        written = dump(requirement)
        yield {
            "requirement": written,
            "digest": digest_of(written),
            "not_applicable": plan.not_applicable.get(requirement.id, ""),
            "no_rows": plan.no_rows.get(requirement.id, ""),
            "file": file,
            "line": line,
        }


def _check(card: CheckCard, programs: Mapping[str, str]) -> Line:
    return {"card": dump(card), "digest": binding(dump(card)), "program": programs.get(card.id, "")}


def binding(card: Mapping[str, Any]) -> str:
    """The digest of what a card binds to: what is asserted, where, with what effect, and which breaches."""
    bound = {name: value for name, value in card.items() if name not in UNBINDING}
    return digest_of({**bound, "findings": sorted(card["findings"])})


def _programs(layout: Layout) -> Iterator[tuple[str, str]]:
    """Check id to the digest of its function."""
    for identity, paths in sources.functions(layout).items():
        text = paths[0].read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(mark, ast.Call)
                and any(isinstance(given, ast.Constant) and given.value == identity for given in mark.args)
                for mark in node.decorator_list
            ):
                program = ast.get_source_segment(text, node) or ""
                yield identity, hashlib.sha256(program.encode()).hexdigest()


def _needs(workspace: Workspace, plan: Plan, environment: Environment) -> Iterator[Line]:
    """What the supplier must have in place, once a place, and whether the files describe it already."""
    found: dict[tuple[str, str], set[str]] = {}
    for row in plan.rows:
        place = f"{row.system or row.place}/{row.part}"
        for need in row.needs:
            found.setdefault((need, place), set()).update(row.requirements)
    for (need, place), requirements in sorted(found.items()):
        settings = _settings(workspace, environment, place, need)
        yield {
            "need": need,
            "place": place,
            "described": settings is not None,
            "hook": str((settings or {}).get("hook", "")),
            "requirements": sorted(requirements),
        }


def _settings(
    workspace: Workspace, environment: Environment, place: str, need: str
) -> Mapping[str, Any] | None:
    """Settings of a capability at `system/interface`, or anywhere in the system for an end of a flow."""
    name, _, part = place.partition("/")
    system = workspace.systems.get(name)
    deployment = environment.systems.get(name)
    found = None
    for interface in system.interfaces if system else ():
        if part in {interface.id, "sender", "receiver"}:
            own = deployment.interfaces.get(interface.id) if deployment else None
            known = {str(key): value for key, value in interface.capabilities.items()}
            known |= {str(key): value for key, value in (own.capabilities if own else {}).items()}
            found = known.get(need, found)
    return found


# -- following ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changes:
    """What is otherwise today than when the plan was frozen; ids."""

    new_requirements: tuple[str, ...] = ()
    gone_requirements: tuple[str, ...] = ()
    changed_requirements: tuple[str, ...] = ()
    new_checks: tuple[str, ...] = ()
    gone_checks: tuple[str, ...] = ()
    changed_checks: tuple[str, ...] = ()
    changed_programs: tuple[str, ...] = ()
    """Checks that are agreed on as they stand, and whose program is another."""
    new_rows: tuple[str, ...] = ()
    gone_rows: tuple[str, ...] = ()
    changed_profiles: tuple[str, ...] = ()

    def as_json(self) -> dict[str, list[str]]:
        """What differs, by name."""
        return {name: list(ids) for name in self.__slots__ if (ids := getattr(self, name))}


def compare(frozen: FrozenPlan, now: FrozenPlan) -> Changes:
    """The differences by digest, from the plan that was frozen to the one that would be frozen today."""
    profiles = [{p["id"]: p["digest"] for p in one.data["profiles"]} for one in (frozen, now)]
    kept = set(frozen.checks) & set(now.checks)
    changed = {i for i in kept if frozen.checks[i]["digest"] != now.checks[i]["digest"]}
    programs = {i for i in kept - changed if frozen.checks[i]["program"] != now.checks[i]["program"]}
    requirements = [{i: line["digest"] for i, line in one.requirements.items()} for one in (frozen, now)]
    new_requirements, gone_requirements, changed_requirements = _differences(*requirements)
    return Changes(
        new_requirements=new_requirements,
        gone_requirements=gone_requirements,
        changed_requirements=changed_requirements,
        new_checks=_sorted(set(now.checks) - set(frozen.checks)),
        gone_checks=_sorted(set(frozen.checks) - set(now.checks)),
        changed_checks=_sorted(changed),
        changed_programs=_sorted(programs),
        new_rows=_sorted(set(now.rows) - set(frozen.rows)),
        gone_rows=_sorted(set(frozen.rows) - set(now.rows)),
        changed_profiles=_differences(*profiles)[2],
    )


def _differences(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    changed = {identity for identity in set(before) & set(after) if before[identity] != after[identity]}
    return _sorted(set(after) - set(before)), _sorted(set(before) - set(after)), _sorted(changed)


def _sorted(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ids))


@dataclass(frozen=True, slots=True)
class Followed:
    """A plan of today under a frozen one: which rows count, and what of the frozen plan cannot be tried."""

    frozen: FrozenPlan
    file: str
    plan: Plan
    changes: Changes
    gaps: Mapping[str, tuple[Line, ...]] = field(default_factory=dict)
    """Requirement id to the frozen rows that cannot be run as they were agreed, with the reason."""

    def requirement_lines(self) -> Iterator[Line]:
        """The requirements of the frozen plan as they were agreed on."""
        for identity, line in self.frozen.requirements.items():
            kept = ("requirement", "not_applicable", "no_rows", "file", "line")
            yield {name: line[name] for name in kept} | {"gaps": list(self.gaps.get(identity, ()))}

    def told(self) -> Line:
        """What the record's header says of it."""
        return {
            "digest": self.frozen.digest,
            "file": self.file,
            "frozen": self.frozen.data["frozen"],
            "frozen_by": self.frozen.data["frozen_by"],
            "as_of": self.frozen.data["as_of"],
            "harness": self.frozen.data["harness"]["version"],
            "changes": self.changes.as_json(),
        }


def follow(path: Path, workspace: Workspace, plan: Plan, environment: Environment, as_of: date) -> Followed:
    """Rows that were agreed on count; newer ones, and those of changed checks, are advice.

    ConfigurationError: the file is no frozen plan, or one of another supplier or environment.
    """
    frozen = frozen_plan.read(path)
    for kind, agreed, asked in (
        ("supplier", frozen.supplier["id"], plan.supplier.id),
        ("environment", frozen.environment["id"], environment.id),
    ):
        if agreed != asked:
            raise ConfigurationError(
                f"{path} is frozen for {kind} {agreed!r}, not {asked!r}; freeze one for {asked!r}"
            )
    changes = compare(frozen, freeze(workspace, plan, environment, as_of))
    rows = tuple(_marked(row, frozen, changes) for row in plan.rows)
    gaps = _gaps(frozen, {row.id for row in rows}, changes)
    return Followed(frozen, path.name, replace(plan, rows=rows), changes, gaps)


def _marked(row: Row, frozen: FrozenPlan, changes: Changes) -> Row:
    """An agreed row stands for the requirements that it stood for when it was agreed on."""
    agreed = frozen.rows.get(row.id)
    if agreed is None or row.check in changes.changed_checks:
        return replace(row, advice=True)
    return replace(row, requirements=agreed.requirements)


def _gaps(frozen: FrozenPlan, planned: set[str], changes: Changes) -> Mapping[str, tuple[Line, ...]]:
    found: dict[str, list[Line]] = {}
    for row in frozen.rows.values():
        reason = _reason(row, planned, changes)
        for requirement in row.requirements if reason else ():
            line = {"row": row.id, "kind": row.kind, "reason": reason}
            found.setdefault(requirement, []).append(line)
    return {requirement: tuple(lines) for requirement, lines in found.items()}


def _reason(row: Row, planned: set[str], changes: Changes) -> str:
    if row.check in changes.changed_checks:
        return f"plan.check-changed:{row.check}"
    if row.id in planned:
        return ""
    return f"plan.check-gone:{row.check}" if row.check in changes.gone_checks else f"plan.row-gone:{row.id}"
