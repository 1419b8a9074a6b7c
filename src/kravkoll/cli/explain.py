"""`kravkoll explain`: all about one id."""

from collections.abc import Iterator

import click

from kravkoll.cli.options import workspace_option
from kravkoll.contracts.errors import ConfigurationError, near
from kravkoll.contracts.layout import Layout
from kravkoll.contracts.verification import checks_of
from kravkoll.contracts.workspace import Workspace, load_trusted


@click.command()
@click.argument("identity", metavar="ID")
@click.option("--language", type=click.Choice(["sv", "en"]), default="en")
@workspace_option
def command(layout: Layout, identity: str, language: str) -> int:
    """Tell all about one requirement, check, finding code or fault."""
    workspace = load_trusted(layout, only=("requirements", "checks", "faults"))
    lines = list(_told(workspace, identity, language))
    if not lines:
        codes = {code for check in workspace.checks.values() for code in check.findings}
        known = {*workspace.requirements, *workspace.checks, *workspace.faults, *codes}
        raise ConfigurationError(f"nothing has the id {identity!r}; {near(identity, known)}")
    for line in lines:
        click.echo(line)
    return 0


def _told(workspace: Workspace, identity: str, language: str) -> Iterator[str]:
    if identity in workspace.requirements:
        yield from _requirement(workspace, identity, language)
    if identity in workspace.checks:
        yield from _check(workspace, identity, language)
    if identity in workspace.faults:
        yield from _fault(workspace, identity, language)
    yield from _finding(workspace, identity, language)


def _requirement(workspace: Workspace, identity: str, language: str) -> Iterator[str]:
    requirement = workspace.requirements[identity]
    file, line = workspace.place("requirements", identity)
    gates = "gates" if requirement.gates else "does not gate"
    how = f"{requirement.level}, basis {requirement.basis} ({gates}), verified by {requirement.verify}"
    yield f"{identity}  {requirement.text.in_language(language)}"
    yield f"  {how}; {file}:{line}"
    if requirement.source.quote:
        yield f"  source: “{requirement.source.quote}” ({', '.join(requirement.source.seed)})"
    if requirement.source.clause:
        yield f"  clause: {requirement.source.clause}"
    if requirement.source.number or requirement.source.row:
        yield f"  the city's number: {requirement.source.number} ({requirement.source.row})"
    if requirement.like:
        yield f"  the same demand as: {', '.join(requirement.like)}"
    checks = [check.id for check in checks_of(workspace, requirement)]
    if checks:
        yield f"  checks: {', '.join(checks)}"
    if requirement.unchecked:
        yield f"  not tested: {requirement.unchecked.in_language(language)}"


def _check(workspace: Workspace, identity: str, language: str) -> Iterator[str]:
    card = workspace.checks[identity]
    yield f"{identity}  {card.sentence.in_language(language)}"
    yield f"  verifies {', '.join(card.verifies)}; effect {card.effect}; source {card.source}"
    yield f"  why: {card.why.in_language(language)}"
    if card.control:
        yield f"  control: {card.control}"
    if card.needs:
        yield f"  needs: {', '.join(card.needs)}"
    for code, finding in card.findings.items():
        yield f"  {code}: {finding.says.in_language(language)}"
        yield f"    remedy: {finding.remedy.in_language(language)}"
    faults = [fault.id for fault in workspace.faults.values() if identity in fault.expect]
    yield f"  proven by: {', '.join(faults) or 'nothing yet'}"


def _fault(workspace: Workspace, identity: str, language: str) -> Iterator[str]:
    card = workspace.faults[identity]
    yield f"{identity}  {card.sentence.in_language(language)}"
    yield f"  breaks: {', '.join(card.applies_to)}"
    for check, code in card.expect.items():
        yield f"  {check} must say {code}"
    if card.may_change:
        yield f"  may change: {', '.join(card.may_change)}"


def _finding(workspace: Workspace, code: str, language: str) -> Iterator[str]:
    for card in workspace.checks.values():
        if code in card.findings:
            yield f"{code}  {card.findings[code].says.in_language(language)}"
            yield f"  said by {card.id}: {card.sentence.in_language(language)}"
            yield f"  remedy: {card.findings[code].remedy.in_language(language)}"
