"""The first lines of a record: what is assessed, by what, under which contract."""

import functools
import getpass
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kravkoll
from kravkoll.contracts.layout import PACKAGE
from kravkoll.record.assessment import dump
from kravkoll.record.journal import FORMAT
from kravkoll.record.rollup import valid_waiver
from kravkoll.runner.duels import PROOF

if TYPE_CHECKING:
    from kravkoll.runner.assessing import Assessing


def lines(run: "Assessing") -> Iterator[dict[str, Any]]:
    """The header, then a line a requirement and a line a check."""
    yield _header(run)
    supplier = run.plan.supplier.id
    for line in _requirements(run):
        waiver = valid_waiver(run.workspace.waivers, line["requirement"]["id"], supplier, run.started)
        yield {"type": "requirement", "waiver": dump(waiver) if waiver else None, **line}
    for identity in sorted({row.check for row in run.plan.rows}):
        yield {"type": "check", "card": dump(run.workspace.checks[identity])}


def _requirements(run: "Assessing") -> Iterator[dict[str, Any]]:
    """As a frozen plan has them, where the run follows one; newer ones, and all without it, as today."""
    agreed = set()
    for line in run.followed.requirement_lines() if run.followed else ():
        agreed.add(line["requirement"]["id"])
        yield line | ({"gaps": []} if run.selection else {})
    for requirement in run.workspace.requirements.values():
        if requirement.id in agreed:
            continue
        file, line_number = run.workspace.place("requirements", requirement.id)
        yield {
            "requirement": dump(requirement),
            "not_applicable": run.plan.not_applicable.get(requirement.id, ""),
            "no_rows": run.plan.no_rows.get(requirement.id, ""),
            "file": file,
            "line": line_number,
            "advice": run.followed is not None,
        }


def _header(run: "Assessing") -> dict[str, Any]:
    environment, plan = run.environment, run.plan
    return {
        "type": "header",
        "format": FORMAT,
        "run": run.run_id,
        "harness": {"version": kravkoll.__version__, "source_digest": source_digest()},
        "workspace": {"digest": workspace_digest(run.workspace.layout.root)},
        "plan": {"digest": plan.digest},
        "frozen_plan": run.followed.told() if run.followed else None,
        "environment": {"id": environment.id, "kind": environment.kind, "grade": environment.grade},
        "supplier": {"id": plan.supplier.id, "name": plan.supplier.name},
        "procured": plan.procured,
        "systems": {
            system.id: {"name": system.name, "version": _version(run, system.id) or system.product_version}
            for system in plan.supplier.systems
        },
        "agreements": [dump(agreement) for agreement in plan.agreements],
        "profiles": [
            {"id": profile.id, "kind": profile.kind, "from": profile.valid_from.isoformat()}
            for profile in run.workspace.profiles.values()
        ],
        "as_of": run.order.as_of.isoformat(),
        "seed": 0,
        "started": run.started.isoformat(),
        "ran_by": {"side": run.order.side, "who": who()},
        "authorisation": dump(environment.authorisation) if environment.authorisation else None,
        "partial": {"selection": run.selection} if run.selection else None,
        "rule": run.rule.id,
        "gate": dump(run.gate),
        "standin_fault": run.order.fault or None,
        "proof": _proof(run),
        "catalogue": _catalogue(run),
    }


def _catalogue(run: "Assessing") -> dict[str, dict[str, int]]:
    """Rows of each area's catalogue of known breaches, and how many of them a check looks for today."""
    workspace = run.workspace
    looked_for = {identity for check in workspace.checks.values() for identity in check.catalogue}
    return {
        area: {"rows": len(rows), "covered": sum(row.id in looked_for for row in rows)}
        for area, rows in workspace.catalogue.items()
    }


def _proof(run: "Assessing") -> dict[str, Any] | None:
    """The latest whole proof, if it was made with these very sources and this workspace."""
    path = run.order.layout.output / PROOF
    if not path.exists():
        return None
    proof = json.loads(path.read_text(encoding="utf-8"))
    same = (proof["source_digest"], proof["workspace_digest"]) == (
        source_digest(),
        workspace_digest(run.workspace.layout.root),
    )
    if not same:
        return None
    caught: dict[str, list[str]] = {}
    for duel in proof["duels"]:
        for check in duel["caught"]:
            caught.setdefault(check, []).append(duel["fault"])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "digest": digest,
        "holds": proof["holds"],
        "caught": {c: sorted(set(f)) for c, f in caught.items()},
        "faults": {
            fault: dump(run.workspace.faults[fault].sentence)
            for fault in sorted({fault for faults in caught.values() for fault in faults})
            if fault in run.workspace.faults
        },
    }


def _version(run: "Assessing", system: str) -> str:
    deployment = run.environment.systems.get(system)
    return deployment.product_version if deployment else ""


def who() -> str:
    """Who runs this: as the environment says, else by the account."""
    return os.environ.get("KRAVKOLL_WHO") or getpass.getuser()


@functools.cache
def source_digest() -> str:
    """sha256 over the harness's own source files."""
    return _digest(sorted(PACKAGE.rglob("*.py")), PACKAGE)


@functools.cache
def workspace_digest(root: Path) -> str:
    """sha256 over the contracts and suites of a workspace."""
    files = [
        path for folder in ("contracts", "suites") for path in (root / folder).rglob("*") if path.is_file()
    ]
    return _digest(sorted(path for path in files if "__pycache__" not in path.parts), root)


def _digest(files: list[Path], base: Path) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(base).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
