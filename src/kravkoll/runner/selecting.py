"""What of a plan is run, under which rule, and where its record goes."""

from collections.abc import Callable
from pathlib import Path

from _pytest.mark.expression import Expression

from kravkoll.contracts.errors import ConfigurationError, near
from kravkoll.contracts.model import AcceptanceRule, Environment, Gate, Supplier
from kravkoll.contracts.workspace import Workspace
from kravkoll.record.rows import Row
from kravkoll.runner.plan import Plan


def gate(workspace: Workspace, rule_id: str, phase: str) -> tuple[AcceptanceRule, Gate]:
    """The acceptance rule and its phase that the exit code follows."""
    if not workspace.rules:
        raise ConfigurationError("contracts/acceptance.yaml holds no rule; write one with its phases")
    rule = workspace.rule(rule_id) if rule_id else next(iter(workspace.rules.values()))
    for candidate in rule.phases:
        if candidate.phase == phase:
            return rule, candidate
    phases = [candidate.phase for candidate in rule.phases]
    raise ConfigurationError(f"rule {rule.id!r} has no phase {phase!r}; {near(phase, phases)}")


def faulty(
    workspace: Workspace, environment: Environment, supplier: Supplier, fault: str
) -> tuple[str, str] | None:
    """The stand-in that is started with the fault: the supplier's own, else the first that it applies to."""
    if not fault:
        return None
    applies_to = workspace.fault(fault).applies_to
    own = {system.id for system in supplier.systems}
    running = [(name not in own, d.standin) for name, d in environment.systems.items() if d.standin]
    for _, standin in sorted(running):
        if standin in applies_to:
            return standin, fault
    here = f"{environment.id} runs none of {', '.join(applies_to)} as a simulated system"
    raise ConfigurationError(f"fault {fault!r} applies to nothing here: {here}")


def narrowed(
    whole: Plan, rows: tuple[str, ...], keyword: str, checks: frozenset[str] | None
) -> tuple[Plan, str]:
    """The part of the plan that was asked for, and how it was asked for; empty where it is the whole."""
    asked = []
    if rows:
        known = [row.id for row in whole.rows]
        for identity in rows:
            if identity not in known:
                raise ConfigurationError(
                    f"no row {identity!r} for {whole.supplier.id}; {near(identity, known)}"
                )
        whole = whole.narrowed(lambda row: row.id in rows)
        asked += [f"--row {row}" for row in rows]
    if checks is not None:
        whole = whole.narrowed(lambda row: row.check in checks)
        asked.append("only some suites")
    if keyword:
        whole = whole.narrowed(matches(keyword))
        if not whole.rows:
            raise ConfigurationError(f"-k {keyword} selects no row; check ids look like ENC-TLS-02")
        asked.append(f"-k {keyword}")
    return whole, " ".join(asked)


def matches(keyword: str) -> Callable[[Row], bool]:
    """Whether `-k` selects a row; an empty one selects none. Raises ConfigurationError."""
    try:
        expression = Expression.compile(keyword)
    except SyntaxError as error:
        raise ConfigurationError(
            f"-k {keyword!r} cannot be read: {error}; one row is chosen with --row ID"
        ) from error
    return lambda row: expression.evaluate(_names(row))


def _names(row: Row) -> Callable[..., bool]:
    """pytest's own reading of -k: a part of any name, in any case."""
    names = [name.lower() for name in (row.check, row.id, row.place, row.part)]
    return lambda name, /, **_: any(name.lower() in own for own in names)


def fresh(folder: Path) -> Path:
    """A folder that no run has written to: a record is never overwritten."""
    number, chosen = 1, folder
    while (chosen / "results.jsonl").exists():
        number += 1
        chosen = folder.with_name(f"{folder.name}-{number}")
    return chosen
