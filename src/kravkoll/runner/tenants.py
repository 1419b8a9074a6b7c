"""The test people in a supplier's test environment: are they there as agreed, and can they be taken away."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from kravkoll.cast import Cast, Record
from kravkoll.cast.selection import NOT_HELD, Selected, Share, select
from kravkoll.checks.flow_policy import policy_of
from kravkoll.checks.subject import Subject
from kravkoll.contracts.errors import ConfigurationError
from kravkoll.contracts.model import Environment, Supplier
from kravkoll.contracts.workspace import Workspace
from kravkoll.probes.ss12000 import Ss12000
from kravkoll.record.outcome import Inconclusive, NotExercised
from kravkoll.record.redaction import Redactor
from kravkoll.record.rows import Row
from kravkoll.record.sensitive_fields import CANARY
from kravkoll.runner import guard, permission, subjects
from kravkoll.runner.platform import Platform, ground, platform

STAMPS = "meta"
"""When a record was written differs from system to system."""


def share_of(workspace: Workspace, system: str) -> Share:
    """What was agreed that the system holds: the fields of the flows into it, else whole records."""
    known = workspace.systems.get(system)
    if known is None:
        workspace.supplier(system)  # names what is near
        raise ConfigurationError(f"{system!r} is a supplier; name one of its systems")
    flows = [flow for flow in workspace.flows.values() if flow.receiver == system and flow.manifest]
    policies = [policy_of(workspace, flow) for flow in flows if flow.status != "absent"]
    forms = {form for policy in policies for form in policy.school_forms}
    if not forms:
        agreements = [a for a in workspace.agreements.values() if system in a.systems]
        forms = {form for agreement in agreements for form in agreement.school_forms}
    sends = any(flow.sender == system and flow.manifest for flow in workspace.flows.values())
    if not policies:
        return Share() if sends else Share(frozenset(forms))
    fields: dict[str, frozenset[str]] = {}
    for policy in policies:
        for resource, paths in policy.fields.items():
            fields[resource] = fields.get(resource, frozenset()) | paths
    limited = set.intersection(*(set(policy.only_for) for policy in policies))  # one flow without is enough
    only_for = {name: frozenset().union(*(policy.only_for[name] for policy in policies)) for name in limited}
    withheld = all(policy.withholds_marked for policy in policies)
    return Share(frozenset(forms), fields, only_for, withheld)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a record that is not as agreed. `found` is None where the record lacks it."""

    resource: str
    id: str
    field: str
    expected: object
    found: object


@dataclass(frozen=True)
class Comparison:
    """What a system holds against what it is to hold."""

    system: str
    expected: Selected
    held: Mapping[str, Mapping[str, Record]]
    unread: Mapping[str, str]
    """Resource to why it could not be read."""
    ours: Mapping[str, frozenset[str]]
    """Resource to ids of records that are of the test data, whatever id they got."""

    @cached_property
    def missing(self) -> Mapping[str, tuple[str, ...]]:
        """Resource to ids that are not there."""
        found = {
            resource: tuple(
                i for one in self.expected[resource] if (i := str(one["id"])) not in self.held[resource]
            )
            for resource in self._read
        }
        return {resource: ids for resource, ids in found.items() if ids}

    @cached_property
    def extra(self) -> Mapping[str, tuple[str, ...]]:
        """Resource to ids of test records that should not be there."""
        wanted = {r: {str(one["id"]) for one in records} for r, records in self.expected.items()}
        found = {r: tuple(sorted(ids - wanted.get(r, set()))) for r, ids in self.ours.items()}
        return {resource: ids for resource, ids in found.items() if ids}

    @cached_property
    def different(self) -> tuple[Difference, ...]:
        """Each field that differs; what a system shows beyond what was agreed is another check's business."""
        return tuple(
            difference
            for resource in self._read
            for one in self.expected[resource]
            if (held := self.held[resource].get(str(one["id"]))) is not None
            for difference in _differences(resource, one, held)
        )

    @property
    def others(self) -> int:
        """How many records are not ours: they are counted, and nothing of them is told."""
        return sum(len(records) - len(self.ours[resource]) for resource, records in self.held.items())

    @property
    def agrees(self) -> bool:
        """Whether everyone is there, as agreed, and nobody else of ours."""
        return not (self.missing or self.extra or self.different)

    @property
    def _read(self) -> tuple[str, ...]:
        return tuple(resource for resource in self.expected if resource in self.held)


def _differences(resource: str, expected: Record, held: Record) -> Iterator[Difference]:
    for name, value in expected.items():
        if name != STAMPS and not _covers(held.get(name), value):
            yield Difference(resource, str(expected["id"]), name, value, held.get(name))


def _covers(held: object, expected: object) -> bool:
    """Whether everything that is expected stands in what is held; lists in any order, of equal length."""
    if isinstance(expected, dict):
        return isinstance(held, dict) and all(_covers(held.get(k), v) for k, v in expected.items())
    if isinstance(expected, list):
        if not isinstance(held, list) or len(held) != len(expected):
            return not expected and held is None
        rest = list(held)
        for item in expected:
            match = next((one for one in rest if _covers(one, item)), None)
            if match is None:
                return False
            rest.remove(match)
        return True
    return held == expected


@dataclass(frozen=True, slots=True)
class Tenant:
    """A supplier's system in an environment, as the city may read it."""

    running: Platform
    subject: Subject
    token: str

    @property
    def cast(self) -> Cast:
        """The test people."""
        return self.running.ground.cast

    def compare(self, share: Share) -> Comparison:
        """Read everything that was agreed. Inconclusive: the interface cannot be read at all."""
        expected = {
            resource: records
            for resource, records in select(self.cast.records, share).items()
            if all("id" in record for record in records)  # sums and offers are worked out, and have none
        }
        held: dict[str, Mapping[str, Record]] = {}
        unread: dict[str, str] = {}
        access = self.subject.capability("api.token")
        with Ss12000(
            self.subject.url + str(access.get("base", "")),
            self.token,
            ssl_context=self.subject.ssl_context(),
            timeout=self.subject.timeout_seconds,
        ) as api:
            for resource in expected:
                try:
                    held[resource] = {str(one.get("id")): one for one in api.walk(resource)}
                except Inconclusive as error:
                    unread[resource] = str(error.reason)
        known = frozenset(_ids(self.cast))
        ours = {
            resource: frozenset(i for i, one in records.items() if i in known or _marked(one))
            for resource, records in held.items()
        }
        return Comparison(self.subject.system, expected, held, unread, ours)

    def remove(self, ids: Mapping[str, tuple[str, ...]]) -> None:
        """Have the environment's own hook take the records away. NotExercised: there is none."""
        if self.running.ground.environment.kind == "production":
            raise NotExercised("effect.production", "write")
        hook = str(self.subject.capability("seed").get("hook", "seed"))
        self.subject.hook(hook)(put={}, remove={resource: list(some) for resource, some in ids.items()})

    def redactor(self) -> Redactor:
        """What a record holds beside our own values is masked before it is shown."""
        return Redactor(self.cast.values())


def removable(comparison: Comparison) -> dict[str, tuple[str, ...]]:
    """The test records that are there, those that others refer to last."""
    found = {resource: tuple(sorted(ids)) for resource, ids in comparison.ours.items() if ids}
    return dict(reversed(list(found.items())))


def _ids(cast: Cast) -> Iterator[str]:
    for register in (cast.records, cast.neighbour, cast.former):
        for resource, records in register.items():
            if resource not in NOT_HELD:
                yield from (str(record["id"]) for record in records if "id" in record)


def _marked(record: Record) -> bool:
    """Whether a text of the record's own is one of ours; what it says of others it refers to is theirs."""
    return any(CANARY.search(text) for text in _own_texts(record))


def _own_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _own_texts(item)
    elif isinstance(value, dict):
        for inner in value.values():
            if not (isinstance(inner, dict) and "id" in inner):
                yield from _own_texts(inner)


@contextlib.contextmanager
def tenant(
    workspace: Workspace, environment: Environment, supplier: Supplier, as_of: date
) -> Iterator[list[Tenant]]:
    """Each of the supplier's systems that has an interface to read in the environment.

    NotExercised: nobody has permitted that it is contacted.
    """
    now = datetime.now(UTC)
    with contextlib.ExitStack() as stack:
        stack.enter_context(guard.only(permission.hosts(environment, now)))
        base = stack.enter_context(ground(workspace, environment))
        own = {system.id for system in supplier.systems}
        running = stack.enter_context(platform(base, through_proxy=False, needed=own))
        yield [_reader(running, row, as_of) for row in _rows(supplier, environment)]


def _rows(supplier: Supplier, environment: Environment) -> Iterator[Row]:
    """A row in form alone, for each interface that data can be read from."""
    for system in supplier.systems:
        for interface in system.interfaces:
            if interface.kind == "api" and system.id in environment.systems:
                yield Row(
                    check="", supplier=supplier.id, kind="interface", place=system.id, part=interface.id,
                    system=system.id, requirements=(), needs=("api.token",),
                )  # fmt: skip


def _reader(running: Platform, row: Row, as_of: date) -> Tenant:
    environment = running.ground.environment
    addresses = subjects.addresses_of(running, row)
    capabilities = subjects.row_capabilities(running, row)
    permission.require(row, environment, addresses, capabilities, datetime.now(UTC))
    subject = subjects.make(running, row, as_of)
    access = subject.capability("api.token")
    server = subjects.city_of(running, row).authorisation_server
    client, scope = str(access.get("client", "city")), str(access.get("scope", ""))
    token = server.token(client, str(access["audience"]), scope)
    return Tenant(running, subject, token)


def shown(value: object) -> str:
    """A value on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 120 else text[:117] + "..."
