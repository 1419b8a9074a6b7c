"""The plan: every row that a supplier's interfaces, flows and documents call for, from data alone."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple, Self

from kravkoll.contracts.cards import CheckCard
from kravkoll.contracts.model import Agreement, Flow, Interface, InterfaceKind, Requirement, Supplier
from kravkoll.contracts.verification import requirements_of
from kravkoll.contracts.workspace import Workspace
from kravkoll.record.rows import Row, RowKind

PROTOCOLS = {"saml": "metadata", "oidc": "openid"}
"""How a login may reach the city's, and the setting of login.start that tells the city of it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be looked at for one supplier, and why requirements without rows have none."""

    supplier: Supplier
    agreements: tuple[Agreement, ...]
    rows: tuple[Row, ...]
    not_applicable: Mapping[str, str]
    """Requirement id to reason code."""
    no_rows: Mapping[str, str]

    @property
    def procured(self) -> bool:
        """False for a slot that nobody has won: it can never be met, and it does not count."""
        return any(agreement.status != "not-procured" for agreement in self.agreements)

    @property
    def digest(self) -> str:
        """sha256 over the rows in order."""
        lines = "\n".join(json.dumps(row.line(), sort_keys=True) for row in self.rows)
        return hashlib.sha256(lines.encode()).hexdigest()

    def narrowed(self, keep: Callable[[Row], bool]) -> Self:
        """The plan of a partial run. Rows that are controls of kept rows stay."""
        kept = {row.id for row in self.rows if keep(row)}
        while missing := {row.control for row in self.rows if row.id in kept and row.control} - kept:
            kept |= missing
        return replace(self, rows=tuple(row for row in self.rows if row.id in kept))


def plan(workspace: Workspace, supplier_id: str, as_of: date) -> Plan:
    """The whole plan of one supplier on a day. Raises ConfigurationError for an unknown supplier."""
    supplier = workspace.supplier(supplier_id)
    agreements = tuple(a for a in workspace.agreements.values() if a.supplier == supplier_id)
    scope = _Scope(workspace, supplier, agreements, as_of, requirements_of(workspace))
    rows = tuple(row for check in workspace.checks.values() for row in scope.rows(check))
    rows = _with_controls(rows, workspace)
    not_applicable = {
        requirement.id: reason
        for requirement in workspace.requirements.values()
        if (reason := scope.not_applicable(requirement))
    }
    covered = {identity for row in rows for identity in row.requirements}
    no_rows = {
        requirement.id: scope.why_no_rows(requirement)
        for requirement in workspace.requirements.values()
        if requirement.id not in covered and requirement.id not in not_applicable
    }
    return Plan(supplier, agreements, rows, not_applicable, no_rows)


class Place(NamedTuple):
    """Where a check looks: an interface of a system, an end of a flow, or a document of a supplier."""

    kind: RowKind
    name: str
    part: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class _Scope:
    """One supplier's part of the workspace on a day."""

    workspace: Workspace
    supplier: Supplier
    agreements: tuple[Agreement, ...]
    as_of: date
    verified: Mapping[str, tuple[str, ...]]
    """Check id to the requirements that it verifies here."""

    def rows(self, check: CheckCard) -> Iterator[Row]:
        """The rows of one check, controls not yet named."""
        looks_at = check.looks_at
        absent = [flow for flow in self.workspace.flows.values() if flow.status == "absent"]
        kept_apart = {system for flow in absent for system in (flow.sender, flow.receiver)}
        for system in self.supplier.systems:
            if looks_at.absent_flows and system.id not in kept_apart:
                continue
            for interface in system.interfaces:
                if interface.kind in looks_at.interfaces and _speaks(interface, looks_at.protocol):
                    requirements = self._requirements(check, system=system.id, kind=interface.kind)
                    place = Place("interface", system.id, interface.id, system.id)
                    yield from self._row(check, place, requirements)
        for flow in self.workspace.flows.values():
            for end in looks_at.flows:
                system_id = flow.sender if end == "sender" else flow.receiver
                if flow.manifest and self.workspace.supplier_of.get(system_id) == self.supplier.id:
                    requirements = self._requirements(check, system=system_id, flow=flow)
                    yield from self._row(check, Place("flow", flow.id, end, system_id), requirements)
        for document in looks_at.documents:
            requirements = self._requirements(check)
            yield from self._row(check, Place("document", self.supplier.id, document), requirements)

    def _row(self, check: CheckCard, place: Place, requirements: tuple[str, ...]) -> Iterator[Row]:
        if requirements:
            yield Row(
                check=check.id,
                supplier=self.supplier.id,
                kind=place.kind,
                place=place.name,
                part=place.part,
                system=place.system,
                requirements=requirements,
                effect=check.effect,
                needs=check.needs,
                control=check.control or "",
            )

    def _requirements(
        self,
        check: CheckCard,
        *,
        system: str = "",
        kind: InterfaceKind | None = None,
        flow: Flow | None = None,
    ) -> tuple[str, ...]:
        return tuple(
            identity
            for identity in self.verified[check.id]
            if not self.not_applicable(requirement := self.workspace.requirements[identity])
            and _selects(requirement.applies.systems, system)
            and _selects(requirement.applies.interfaces, kind or "")
            and _selects(requirement.applies.flows, flow.id if flow else "")
        )

    def not_applicable(self, requirement: Requirement) -> str:
        """Why the requirement does not concern this supplier; empty where it does."""
        if not requirement.in_force(self.as_of):
            return "requirement.not-in-force"
        applies = requirement.applies
        systems = {system.id for system in self.supplier.systems}
        ends = {flow.id for flow in self.workspace.flows.values() if {flow.sender, flow.receiver} & systems}
        concerned = (
            (applies.agreements, {agreement.id for agreement in self.agreements}),
            (applies.systems, systems),
            (applies.flows, ends),
        )
        return (
            ""
            if all(not wanted or set(wanted) & own for wanted, own in concerned)
            else "requirement.applies-to-others"
        )

    def why_no_rows(self, requirement: Requirement) -> str:
        """Reason code of a requirement that nothing looks at."""
        if all(agreement.status == "not-procured" for agreement in self.agreements):
            return "supplier.not-procured"
        if requirement.unchecked is not None:
            own = requirement.source.number and not requirement.like and not requirement.checks
            return "check.untied" if own else "check.none"
        has_login = any(i.kind == "login" for system in self.supplier.systems for i in system.interfaces)
        protocols = {
            check.looks_at.protocol
            for check in self.workspace.checks.values()
            if requirement.id in self.verified[check.id]
        }
        return "check.other-protocol" if has_login and protocols - {None} else "interface.none"


def _speaks(interface: Interface, protocol: str | None) -> bool:
    """Whether a login may use the protocol: one whose file says only another does not."""
    start = interface.capabilities.get("login.start", {})
    said = {name for name, setting in PROTOCOLS.items() if setting in start}
    said |= {str(start["protocol"])} & PROTOCOLS.keys() if "protocol" in start else set()
    return protocol is None or not said or protocol in said


def _selects(wanted: tuple[str, ...], own: str) -> bool:
    """An empty list selects everything; a row without such a thing (a document) is not excluded."""
    return not wanted or not own or own in wanted


def _with_controls(rows: tuple[Row, ...], workspace: Workspace) -> tuple[Row, ...]:
    """Each row's control as a row id at the same place, or `missing:CHECK` where the plan has none there.

    A control that a requirement's `applies` left out is planned all the same, for no requirement.
    """
    known = {row.id for row in rows}
    added: dict[str, Row] = {}
    named = []
    for row in rows:
        if not row.control:
            named.append(row)
            continue
        control = replace(
            row, check=row.control, control=workspace.check(row.control).control or "", requirements=()
        )
        if control.id not in known:
            card = workspace.check(row.control)
            added[control.id] = replace(control, effect=card.effect, needs=card.needs)
        named.append(replace(row, control=control.id))
    extra = _with_controls(tuple(added.values()), workspace) if added else ()
    unique = {row.id: row for row in (*extra, *named)}
    return tuple(sorted(unique.values(), key=lambda row: row.id))
